internal import Glibc

/// Which file a path leads to, whatever its name: device and number; where nothing is yet, those of the folder, and the name.
public struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  /// The file's number on its device.
  public let number: UInt64
  private let name: String?

  private init(_ status: stat, _ name: String? = nil) {
    (device, number, self.name) = (UInt64(status.st_dev), UInt64(status.st_ino), name)
  }

  /// What a path leads to, through links; `nil` where not even its folder can be found.
  public init?(_ path: String) {
    var status = stat()
    if stat(path, &status) == 0 {
      self.init(status)
    } else {
      guard stat(Folder.containing(path), &status) == 0 else { return nil }
      self.init(status, Folder.name(of: path))
    }
  }

  /// What has this name itself, a link not followed; `nil` where nothing has.
  init?(ofLink path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// What a descriptor is open on.
  init?(of descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }
}
