import Floor
import Glibc
import ModelFiles

/// One folder for all runs of a target, in memory where the system has such a place. It is the working folder.
final class FuzzFolder {
  let path: String
  /// The models of the patch vectors.
  let base = "base.safetensors"
  let edited = "edited.safetensors"
  let baseBytes: [UInt8]
  /// The same with a configuration beside them.
  let baseFolder = "base"
  let editedFolder = "edited"
  /// A public key that signs models.
  static let pem = Array(
    """
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETz1gnuzVaLhPMN+tYMVyDnhoiplt
    iT5AN+wS6tgeyUosM4jAcZ1rAAppwytOm6m9SvvS4UWPR4fU9KkJJCcBUw==
    -----END PUBLIC KEY-----

    """.utf8)

  init() throws {
    let parent = Folder.exists("/dev/shm") ? "/dev/shm" : "/tmp"
    path = "\(parent)/errata-fuzz-\(getpid())"
    try Folder.create(path)
    guard chdir(path) == 0 else { fatalError("cannot go to \(path)") }
    let header = Array(#"{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}"#.utf8)
    let front = UInt64(header.count).littleEndianBytes(8) + header
    baseBytes = front + [0x00, 0x3C, 0x00, 0x42, 0x00, 0xBA, 0x00, 0x64]
    let editedBytes = front + [0x00, 0x40, 0x80, 0x43, 0x00, 0xB4, 0x00, 0x64]
    try write(baseBytes, base)
    try write(editedBytes, edited)
    for (name, bytes, digit) in [(baseFolder, baseBytes, 1), (editedFolder, editedBytes, 2)] {
      try write(bytes, name + "/model.safetensors")
      try write(Array("{\"a\": \(digit)}\n".utf8), name + "/config.json")
    }
  }

  /// Writes a file, and the folders on the way to it.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    if let end = name.lastIndex(of: "/"), !Folder.exists(String(name[..<end])) {
      try Folder.create(String(name[..<end]))
    }
    let descriptor = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      fatalError("the folder for inputs is full")
    }
    return name
  }

  func remove(_ names: String...) { for name in names { Folder.remove(name) } }
}
