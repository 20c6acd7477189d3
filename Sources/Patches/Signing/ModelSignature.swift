internal import Floor
public import ModelFiles

/// The signature of a whole model, `model.sig` of OpenSSF Model Signing 1.0: a sigstore bundle that holds a DSSE envelope that holds an
/// in-toto statement, which lists files with their digests.
///
/// Only signatures by plain keys are checked. Certificates and sigstore's own need roots of trust and a log that are asked over the network.
///
/// - Source: sigstore/model-transparency, docs/model_signing_format.md; secure-systems-lab/dsse, protocol.md; in-toto/attestation,
///   spec/v1; sigstore/protobuf-specs, sigstore_bundle.proto.
public struct ModelSignature: Sendable {
  /// Who signs.
  public enum Signer: Equatable, Sendable {
    /// A plain key, told by the SHA-256 of its PEM text where the signature says it.
    case key(hint: String?)
    /// A certificate, of sigstore's or of somebody else's.
    case certificate
  }

  /// A file that is signed, or a part of one.
  struct Entry: Equatable, Sendable {
    /// Path in the folder; `.` where the model is one file.
    let name: String
    /// Bytes of the file that are meant; `nil` for all.
    let range: Range<Int>?
    let digest: Digest
  }

  /// The name that it has in a model's folder.
  public static let fileName = "model.sig"
  private static let payloadType = "application/vnd.in-toto+json"
  private static let byteLimit = 1 << 26

  /// The file.
  public let path: String
  /// Who signs.
  public let signer: Signer
  /// What the model was called when it was signed.
  public let modelName: String
  /// Number of files that are signed.
  public var fileCount: Int { Set(entries.map(\.name)).count }
  let entries: [Entry]
  /// Paths in the folder that are not signed.
  let ignored: Set<String>
  private let message: [UInt8]
  private let signature: [UInt8]

  /// Reads a signature.
  ///
  /// - Throws: `ModelSignatureError.badBundle`, `otherForm`; `ModelFileError` for what is no JSON.
  public init(_ path: String) throws {
    try self.init(JSONValue(readingFile: path, limit: Self.byteLimit), file: path)
  }

  init(_ bundle: JSONValue, file: String) throws(ModelSignatureError) {
    func bad(_ field: String) -> ModelSignatureError { .badBundle(file: file, field: field) }
    path = file
    guard bundle["mediaType"]?.text?.hasPrefix("application/vnd.dev.sigstore.bundle") == true else {
      throw bad("mediaType")
    }
    guard let material = bundle["verificationMaterial"] else { throw bad("verificationMaterial") }
    if let key = material["publicKey"] {
      let hint = key["hint"]?.text
      signer = .key(hint: hint?.isEmpty == false ? hint : nil)
    } else if material["certificate"] != nil || material["x509CertificateChain"] != nil {
      signer = .certificate
    } else {
      throw bad("verificationMaterial")
    }
    guard let envelope = bundle["dsseEnvelope"] else { throw bad("dsseEnvelope") }
    guard envelope["payloadType"]?.text == Self.payloadType else { throw bad("dsseEnvelope.payloadType") }
    guard let payload = envelope["payload"]?.text.flatMap({ Base64.bytes($0.utf8) }) else {
      throw bad("dsseEnvelope.payload")
    }
    guard let signatures = envelope["signatures"]?.elements, signatures.count == 1,
      let signature = signatures[0]["sig"]?.text.flatMap({ Base64.bytes($0.utf8) })
    else { throw bad("dsseEnvelope.signatures") }
    self.signature = signature
    // What DSSE signs: the lengths stand before what they are of, so that no two pairs give one message.
    message =
      Array("DSSEv1 \(Self.payloadType.utf8.count) \(Self.payloadType) \(payload.count) ".utf8) + payload
    guard let statement = try? JSONValue(parsing: payload) else { throw bad("dsseEnvelope.payload") }
    let manifest = try ModelManifest(statement, file: file)
    (modelName, entries, ignored) = (manifest.modelName, manifest.entries, manifest.ignored)
  }

  /// Refuses a signature that the owner of a key did not give.
  ///
  /// - Parameter file: the public key: PEM, on P-256, P-384 or P-521.
  /// - Throws: `ModelSignatureError.badKey`, `otherKind`, `notByKey`, `otherKey`, `wrongSignature`.
  public func check(key file: String) throws {
    let text = try TextFile(file, .text, limit: 1 << 16).bytes
    let key: EllipticKey
    do throws(EllipticKey.Problem) { key = try EllipticKey(pem: text) } catch {
      throw error == .form ? ModelSignatureError.badKey(file: file) : .otherKeyKind(file: file)
    }
    guard case .key(let hint) = signer else { throw ModelSignatureError.notByKey(file: path) }
    let found = Digest(of: Array(key.pem.utf8)).hexadecimal
    if let hint, hint != found {
      throw ModelSignatureError.otherKey(file: path, key: file, expected: hint, found: found)
    }
    guard key.isValid(signature, of: message) else {
      throw ModelSignatureError.wrongSignature(file: path, key: file)
    }
  }
}
