internal import Floor
public import ModelFiles

/// A detached signature of a patch in OpenSSH's form: what `ssh-keygen -Y sign -n errata-patch` writes, and `-Y verify` checks.
///
/// Source: OpenSSH, PROTOCOL.sshsig. `Formats/signature.md`.
public struct PatchSignature: Sendable {
  /// What such signatures are for, so that none that was made for another purpose counts.
  public static let namespace = "errata-patch"
  /// What the name of the patch gets.
  public static let suffix = ".sig"
  private static let label = "SSH SIGNATURE"
  private static let preamble = Array("SSHSIG".utf8)
  private static let limit = 1 << 16

  /// Where it was read from.
  public let path: String
  /// The key that made it, as it says itself.
  public let key: SSHPublicKey
  private let hash: StreamedHash.Function
  private let signature: [UInt8]

  /// Reads a signature.
  public init(_ path: String) throws {
    let file = try OpenFile(path, .reading)
    let size = try file.size()
    guard size <= Self.limit else { throw SignatureError.badSignature(file: path, field: "armor") }
    try self.init(try file.read(size, at: 0), file: path)
  }

  /// Reads the text of a signature.
  init(_ text: [UInt8], file: String) throws(SignatureError) {
    func bad(_ field: String) -> SignatureError { .badSignature(file: file, field: field) }
    path = file
    guard let bytes = SSHWire.unarmored(text, Self.label) else { throw bad("armor") }
    var wire = SSHWire(bytes)
    guard wire.bytes(Self.preamble.count) == Self.preamble else { throw bad("preamble") }
    guard wire.number() == 1 else { throw bad("version") }
    guard let key = wire.string().flatMap(SSHPublicKey.init(blob:)) else { throw bad("public key") }
    guard let namespace = wire.text() else { throw bad("namespace") }
    guard wire.string() != nil else { throw bad("reserved") }
    guard let hash = wire.text().flatMap(StreamedHash.Function.init(rawValue:)) else { throw bad("hash") }
    guard let blob = wire.string(), wire.isAtEnd else { throw bad("signature") }
    guard namespace == Self.namespace else {
      throw .otherNamespace(file: file, expected: Self.namespace, found: namespace)
    }
    guard key.type == SSHPublicKey.ed25519 else { throw .otherKeyType(file: file, type: key.type) }
    var inner = SSHWire(blob)
    guard inner.text() == key.type, let signature = inner.string(), inner.isAtEnd,
      signature.count == Ed25519.signatureByteCount
    else { throw bad("signature") }
    (self.key, self.hash, self.signature) = (key, hash, signature)
  }

  /// Signs a patch.
  ///
  /// - Returns: the text of the signature's file; the same key and patch give the same text.
  public static func text(signing patch: PatchFile, with key: SSHPrivateKey) throws -> String {
    let message = message(hash: .sha512, of: try patch.hash(.sha512))
    let signature = SSHWire.string(key.publicKey.type) + SSHWire.string(key.signature(of: message))
    let blob =
      preamble + SSHWire.number(1) + SSHWire.string(key.publicKey.blob) + SSHWire.string(namespace)
      + SSHWire.string("") + SSHWire.string(StreamedHash.Function.sha512.rawValue)
      + SSHWire.string(signature)
    return SSHWire.armored(blob, label)
  }

  /// Demands that the signature is of this patch. Whose it is, is another question.
  ///
  /// - Throws: `SignatureError.wrongSignature`.
  public func check(_ patch: PatchFile) throws {
    let message = Self.message(hash: hash, of: try patch.hash(hash))
    guard let point = key.point, Ed25519.isValid(signature, of: message, publicKey: point) else {
      throw SignatureError.wrongSignature(file: path, patch: patch.path)
    }
  }

  /// What is signed in the file's place.
  private static func message(hash: StreamedHash.Function, of bytes: [UInt8]) -> [UInt8] {
    preamble + SSHWire.string(namespace) + SSHWire.string("") + SSHWire.string(hash.rawValue)
      + SSHWire.string(bytes)
  }
}

extension PatchFile {
  /// Where the signature of this patch is looked for.
  public var signaturePath: String { path + PatchSignature.suffix }

  /// The hash of the whole file, which is the one that was opened: its front is compared, its blocks are by every reader.
  fileprivate func hash(_ function: StreamedHash.Function) throws -> [UInt8] {
    var hash = StreamedHash(function)
    var front = StreamedDigest()
    let payload = blocks.first?.byteOffset ?? byteCount - Digest.byteCount
    var offset = 0
    while offset < byteCount {
      let end = min(offset + 1 << 20, offset < payload ? payload : byteCount)
      let bytes = try file.read(end - offset, at: place.lowerBound + offset)
      hash.update(bytes)
      if offset < payload { bytes.withUnsafeBytes { front.update($0) } }
      offset = end
    }
    guard front.value == digest else { throw SignatureError.patchChanged(file: path) }
    return hash.finish()
  }
}
