// swift-tools-version: 6.2
import PackageDescription

// A program of somebody else, which knows errata by its products only.
let package = Package(
  name: "Server",
  dependencies: [.package(name: "errata", path: "../..")],
  targets: [
    .executableTarget(name: "Server", dependencies: [.product(name: "ErrataEditing", package: "errata")])
  ],
  swiftLanguageModes: [.v6]
)
