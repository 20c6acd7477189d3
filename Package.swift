// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order of the rows they belong to: a target may import only what stands above it here.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "errata",
  products: [
    .executable(name: "errata", targets: ["errata"]),
    // What a program of somebody else imports: one name for each, with documentation and examples.
    .library(name: "ErrataModels", targets: ["ErrataModels"]),
    .library(name: "ErrataPatches", targets: ["ErrataPatches"]),
    .library(name: "ErrataEditing", targets: ["ErrataEditing"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Row 0: the system's libraries and the row kernels
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CLinux"),
    .target(name: "Kernels"),
    // Loaded when the first product is asked for, so neither linked nor needed to build.
    .target(name: "COpenBLAS"),

    // Row 0: what several modules need and none should own: digits, byte order, digests, seeds, clocks
    .target(name: "Floor", dependencies: ["COpenSSL"], swiftSettings: strict),

    // Row 0: matrices and factorizations; named tensors in files
    .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"], swiftSettings: strict),
    .target(name: "ModelFiles", dependencies: ["Floor", "CLinux", "Kernels"], swiftSettings: strict),

    // Row 1: the network
    .target(
      name: "Transformer", dependencies: ["Floor", "LinearAlgebra", "ModelFiles", "Kernels"],
      swiftSettings: strict),

    // Row 1: the change as a file
    .target(
      name: "Patches", dependencies: ["Floor", "LinearAlgebra", "ModelFiles", "Kernels", "CZstd"],
      swiftSettings: strict),

    // Row 2: facts, keys and values to updates
    .target(
      name: "Editing",
      dependencies: ["Floor", "LinearAlgebra", "ModelFiles", "Patches", "Transformer", "CZlib", "CZstd"],
      swiftSettings: strict),

    // Row 3: what an edit did, by the measures of the papers
    .target(
      name: "Evaluation",
      dependencies: ["Floor", "Editing", "Transformer", "Patches", "ModelFiles", "LinearAlgebra"],
      swiftSettings: strict),

    // Row 4: the products
    .target(
      name: "ErrataModels", dependencies: ["LinearAlgebra", "ModelFiles", "Transformer"],
      swiftSettings: strict),
    .target(name: "ErrataPatches", dependencies: ["Floor", "ModelFiles", "Patches"], swiftSettings: strict),
    .target(
      name: "ErrataEditing", dependencies: ["Editing", "ErrataModels", "ErrataPatches", "Evaluation"],
      swiftSettings: strict),

    // Row 4: the command
    .executableTarget(
      name: "errata",
      dependencies: [
        "Evaluation", "Editing", "Patches", "Transformer", "ModelFiles", "LinearAlgebra", "Floor", "CLinux",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .executableTarget(
      name: "network-benchmark", dependencies: ["Transformer", "LinearAlgebra", "ModelFiles"],
      path: "Benchmarks/Network", swiftSettings: strict),
    .executableTarget(
      name: "memory-benchmark", dependencies: ["Editing", "Patches", "ModelFiles"], path: "Benchmarks/Memory",
      swiftSettings: strict),
    .target(name: "TestSupport", dependencies: ["Floor", "ModelFiles"], path: "Tests/TestSupport"),
    .testTarget(name: "FloorTests", dependencies: ["Floor", "TestSupport"]),
    .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "TestSupport"]),
    .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "TestSupport"]),
    .testTarget(
      name: "TransformerTests",
      dependencies: ["Transformer", "LinearAlgebra", "ModelFiles", "Kernels", "TestSupport"]),
    .testTarget(
      name: "PatchesTests",
      dependencies: ["Patches", "Floor", "LinearAlgebra", "ModelFiles", "Kernels", "TestSupport"]),
    .testTarget(
      name: "EditingTests",
      dependencies: [
        "Editing", "Floor", "Transformer", "LinearAlgebra", "ModelFiles", "Patches", "TestSupport",
      ]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Evaluation", "Editing", "Floor", "Transformer", "ModelFiles", "Patches", "TestSupport"]),
    .testTarget(name: "LibraryTests", dependencies: ["ErrataEditing", "TestSupport"]),
    .testTarget(name: "CommandTests", dependencies: ["errata", "Floor", "ModelFiles", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzzer, which `make fuzz` builds. Its main function is libFuzzer's, so the command comes along as a library.
if Context.environment["ERRATA_FUZZ"] != nil,
  let place = package.targets.firstIndex(where: { $0.name == "errata" })
{
  let renamed: SwiftSetting = .unsafeFlags([
    "-Xfrontend", "-entry-point-function-name", "-Xfrontend", "errata_main",
  ])
  package.targets[place] = .target(
    name: "errata", dependencies: package.targets[place].dependencies, swiftSettings: strict + [renamed])
  package.products.removeAll { $0.name == "errata" }
  package.targets.append(
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "errata", "Evaluation", "Editing", "Transformer", "Patches", "ModelFiles", "Floor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/Fuzz", exclude: ["edit.json", "fuzz.py", "found"]))
}
