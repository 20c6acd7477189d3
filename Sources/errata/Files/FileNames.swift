import Glibc
import ModelFiles

/// Names of files as a shell writes them.
enum FileNames {
  /// Names with `*`, `?` or `[` in them become those of the files that match; where a file has that very name, it is meant.
  ///
  /// Shells do the same, but not for names that are put together in a batch script or in quotes.
  static func matching(_ names: [String]) throws -> [String] {
    try names.flatMap { name in
      guard name.contains(where: { "*?[".contains($0) }), !Folder.occupied(name) else { return [name] }
      var found = glob_t()
      defer { globfree(&found) }
      guard glob(name, 0, nil, &found) == 0 else {
        throw ModelFileError(.system(call: "open", code: ENOENT), file: name)
      }
      return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
  }
}
