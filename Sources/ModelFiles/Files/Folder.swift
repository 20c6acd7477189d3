internal import Glibc

/// Folders and paths: the few questions asked of them.
public enum Folder {
  /// The folder that a file or folder stands in, never empty; a slash at the end changes nothing.
  public static func containing(_ path: String) -> String {
    let trimmed = trimming(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return String(trimming(String(trimmed[...slash])))
  }

  /// A path without slashes at its end; the root keeps its one.
  private static func trimming(_ path: String) -> Substring {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
    return trimmed
  }

  /// The last part of a path.
  public static func name(of path: String) -> String {
    let trimmed = trimming(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return String(trimmed) }
    return String(trimmed[trimmed.index(after: slash)...])
  }

  /// A name in a folder.
  public static func path(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// Whether the path is a folder; links are followed.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether the path is an ordinary file; links are followed.
  public static func fileExists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Whether anything has this path.
  public static func occupied(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Names in a folder, sorted, without `.` and `..`.
  public static func names(in folder: String) throws(ModelFileError) -> [String] {
    guard let stream = opendir(folder) else {
      throw ModelFileError(.system(call: "opendir", code: errno), file: folder)
    }
    defer { closedir(stream) }
    var names: [String] = []
    // A list that breaks off is told from one that ends by errno alone.
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw ModelFileError(.system(call: "readdir", code: errno), file: folder) }
    return names.sorted()
  }

  /// Makes a folder.
  public static func create(_ path: String) throws(ModelFileError) {
    guard mkdir(path, 0o755) == 0 else {
      throw ModelFileError(.system(call: "mkdir", code: errno), file: path)
    }
  }

  /// Removes a file, or a folder with the files in it; what is not there is no error.
  public static func remove(_ path: String) {
    if unlink(path) == 0 || errno == ENOENT { return }
    for name in (try? names(in: path)) ?? [] { remove(Folder.path(path, name)) }
    rmdir(path)
  }

  /// Removes a file.
  public static func removeFile(_ path: String) throws(ModelFileError) {
    guard unlink(path) == 0 else { throw ModelFileError(.system(call: "unlink", code: errno), file: path) }
  }

  /// Gives a file or folder another name; what had that name before is replaced in the same step.
  public static func rename(_ path: String, to destination: String) throws(ModelFileError) {
    guard Glibc.rename(path, destination) == 0 else {
      throw ModelFileError(.system(call: "rename", code: errno), file: destination)
    }
  }

  /// Waits until the names in a folder are on the disk.
  public static func synchronize(_ folder: String) throws(ModelFileError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ModelFileError(.system(call: "open", code: errno), file: folder) }
    defer { close(descriptor) }
    // Some file systems have no fsync for folders and say so; their renames are as durable as they get.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw ModelFileError(.system(call: "fsync", code: errno), file: folder)
    }
  }

  /// Whether a name is that of a temporary file: output under way, or left by a kill.
  public static func isTemporary(_ name: String) -> Bool { TemporaryName.isOne(name) }

  /// A name of at most 255 bytes, which is what Linux allows: as it is, or its beginning and a hash of the whole.
  ///
  /// - Parameter suffix: what must follow, whole.
  public static func fitting(_ name: String, suffix: String) -> String {
    TemporaryName.shortened(name, to: TemporaryName.limit - suffix.utf8.count) + suffix
  }

  /// Permission bits of an ordinary file or folder, links not followed; `nil` of anything else.
  public static func permissions(of path: String) -> UInt32? {
    var status = stat()
    guard lstat(path, &status) == 0, [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return nil }
    return status.st_mode & 0o777
  }

  /// Whether the path itself is an ordinary file, not a link to one.
  public static func isPlainFile(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Length of a file, or of all files in a folder and below.
  static func byteCount(of path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    guard status.st_mode & S_IFMT == S_IFDIR else { return Int(status.st_size) }
    return ((try? names(in: path)) ?? []).reduce(0) { $0 + byteCount(of: Folder.path(path, $1)) }
  }

  /// The path without links, `.` and `..`; `nil` where there is no such file.
  public static func resolved(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}
