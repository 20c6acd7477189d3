public import Floor

/// A public key in OpenSSH's form.
public struct SSHPublicKey: Hashable, Sendable {
  /// The one type that errata signs with and checks.
  public static let ed25519 = "ssh-ed25519"

  /// The key as OpenSSH stores and prints it: its type, then what that asks for.
  let blob: [UInt8]
  /// The name of its type, such as `ssh-ed25519`.
  public let type: String
  /// The 32 bytes of an Ed25519 key; `nil` of other types.
  let point: [UInt8]?

  /// Takes a key as OpenSSH stores it; `nil` where it does not begin with the name of a type, or is no key of that type.
  init?(blob: [UInt8]) {
    var wire = SSHWire(blob)
    guard let type = wire.text(), !type.isEmpty, type.utf8.count <= 64,
      type.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    (self.blob, self.type) = (blob, type)
    guard type == SSHPublicKey.ed25519 else {
      point = nil
      return
    }
    guard let bytes = wire.string(), bytes.count == Ed25519.keyByteCount, wire.isAtEnd else { return nil }
    point = bytes
  }

  /// An Ed25519 key.
  init(point: [UInt8]) {
    precondition(point.count == Ed25519.keyByteCount, "an Ed25519 key has 32 bytes")
    (type, self.point) = (SSHPublicKey.ed25519, point)
    blob = SSHWire.string(SSHPublicKey.ed25519) + SSHWire.string(point)
  }

  /// SHA-256 of the key as `ssh-keygen -l` prints it.
  public var fingerprint: String {
    "SHA256:" + Base64.text(Digest(of: blob).bytes).filter { $0 != "=" }
  }
}
