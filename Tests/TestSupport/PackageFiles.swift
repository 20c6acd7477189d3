/// Files of the package, found from where this source stands; a build carries no copy of them.
public enum PackageFiles {
  /// The folder of `Package.swift`.
  public static let root: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return parts.joined(separator: "/")
  }()

  /// A path below the package's folder.
  public static func path(_ relative: String) -> String { root + "/" + relative }
}
