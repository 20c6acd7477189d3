import Glibc
import ModelFiles

/// A folder of one test, removed with everything in it when the test lets go.
public final class TemporaryFolder: Sendable {
  /// Its path.
  public let path: String

  /// Makes an empty folder.
  public init() throws {
    let number = UInt64.random(in: 0...UInt64.max)
    path = "/tmp/errata-test-" + String(number, radix: 36)
    try Folder.create(path)
  }

  deinit { Folder.remove(path) }

  /// A name in the folder.
  public func path(_ name: String) -> String { path + "/" + name }

  /// Writes a file of these bytes.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    Folder.remove(path(name))
    try OpenFile(path(name), .creating).write(bytes, at: 0)
    return path(name)
  }

  /// The bytes of a file.
  public func read(_ name: String) throws -> [UInt8] { try FileBytes.read(path(name)) }
}

/// Whole files.
public enum FileBytes {
  /// The bytes of a file.
  public static func read(_ path: String) throws -> [UInt8] {
    let file = try OpenFile(path, .reading)
    return try file.read(file.size(), at: 0)
  }
}
