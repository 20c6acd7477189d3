internal import Floor
internal import ModelFiles

/// A private Ed25519 key, from the file that `ssh-keygen -t ed25519` writes.
///
/// Source: OpenSSH, PROTOCOL.key.
public struct SSHPrivateKey: Sendable {
  private let seed: [UInt8]
  /// The key that others check with.
  public let publicKey: SSHPublicKey

  private static let label = "OPENSSH PRIVATE KEY"
  private static let magic = Array("openssh-key-v1\0".utf8)
  /// Files of keys are far shorter.
  static let limit = 1 << 20

  /// Reads a key.
  ///
  /// - Throws: `SignatureError.keyIsOpen` where others may read the file; `.keyEncrypted`; `.keyType`; `.notAKey`.
  public init(_ path: String) throws {
    let file = try OpenFile(path, .reading)
    let size = try file.size()
    guard size <= Self.limit else { throw SignatureError.notAKey(file: path, nil) }
    let text = try file.read(size, at: 0)
    try self.init(text, file: path)
    let mode = try file.permissions() & 0o777
    let owner = try file.standing().owner
    guard mode & 0o077 == 0 || owner != OpenFile.currentUser else {
      throw SignatureError.keyIsOpen(file: path, mode: mode)
    }
  }

  /// Reads the text of a key.
  init(_ text: [UInt8], file: String) throws(SignatureError) {
    guard let bytes = SSHWire.unarmored(text, Self.label), bytes.starts(with: Self.magic) else {
      throw .notAKey(file: file, Self.kind(of: text))
    }
    var wire = SSHWire(Array(bytes.dropFirst(Self.magic.count)))
    guard let cipher = wire.text(), wire.text() != nil, wire.string() != nil, wire.number() == 1,
      let public_ = wire.string(), let key = SSHPublicKey(blob: public_), let hidden = wire.string(),
      wire.isAtEnd
    else { throw .notAKey(file: file, nil) }
    guard cipher == "none" else { throw .keyEncrypted(file: file) }
    guard key.type == SSHPublicKey.ed25519 else { throw .keyType(file: file, type: key.type) }
    var inner = SSHWire(hidden)
    guard let check = inner.number(), inner.number() == check, inner.text() == key.type,
      inner.string() == key.point, let pair = inner.string(), pair.count == 2 * Ed25519.keyByteCount,
      inner.string() != nil, inner.remainder().enumerated().allSatisfy({ Int($1) == $0 + 1 })
    else { throw .notAKey(file: file, nil) }
    seed = Array(pair.prefix(Ed25519.keyByteCount))
    // A file whose two halves do not belong together would sign what nobody can check.
    guard let point = Ed25519.publicKey(seed: seed), point == key.point else {
      throw .notAKey(file: file, nil)
    }
    publicKey = key
  }

  /// What a file is that is no key of this form, where it says so itself.
  private static func kind(of text: [UInt8]) -> SignatureError.KeyKind? {
    let start = String(decoding: text.prefix(80), as: UTF8.self)
    if start.hasPrefix("ssh-") || start.hasPrefix("ecdsa-") || start.hasPrefix("sk-") { return .publicKey }
    if start.hasPrefix("-----BEGIN "), start.contains("PRIVATE KEY-----") { return .otherForm }
    return nil
  }

  /// Signs a message.
  func signature(of message: [UInt8]) -> [UInt8] {
    guard let signature = Ed25519.signature(of: message, seed: seed) else {
      preconditionFailure("a key of 32 bytes signs everything")
    }
    return signature
  }
}
