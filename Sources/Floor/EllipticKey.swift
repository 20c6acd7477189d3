internal import COpenSSL

/// A public key on one of the curves P-256, P-384 and P-521, whose signatures are ECDSA's (FIPS 186-5) over SHA-256, SHA-384 and SHA-512.
package struct EllipticKey: Equatable, Sendable {
  /// SubjectPublicKeyInfo (RFC 5280), DER.
  private let stored: [UInt8]
  private static let curves = ["prime256v1": 256, "secp384r1": 384, "secp521r1": 521]
  private static let (begin, end) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")

  /// What a text is that is no such key.
  package enum Problem: Error, Equatable, Sendable {
    /// Not the text of a public key: `BEGIN PUBLIC KEY`, base64, `END PUBLIC KEY`.
    case form
    /// A public key of another kind or curve.
    case otherKind
  }

  /// Reads a key as OpenSSL writes it (`openssl pkey -pubout`).
  package init(pem text: [UInt8]) throws(Problem) {
    let lines = text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
    guard lines.count >= 3, lines.first!.elementsEqual(Self.begin.utf8),
      lines.last!.elementsEqual(Self.end.utf8),
      let bytes = Base64.bytes(lines.dropFirst().dropLast().joined())
    else { throw .form }
    guard let key = Self.decoded(bytes) else { throw .form }
    defer { EVP_PKEY_free(key) }
    guard EVP_PKEY_get_base_id(key) == EVP_PKEY_EC, Self.width(key) != nil else { throw .otherKind }
    stored = bytes
  }

  /// The key as OpenSSL writes it.
  package var pem: String {
    let digits = Array(Base64.text(stored))
    let lines = stride(from: 0, to: digits.count, by: 64).map {
      String(digits[$0..<min($0 + 64, digits.count)])
    }
    return ([Self.begin] + lines + [Self.end]).joined(separator: "\n") + "\n"
  }

  /// Whether this is the signature (DER) that the key's owner gave the message.
  package func isValid(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard let key = Self.decoded(stored), let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      EVP_PKEY_free(key)
    }
    let hash = [256: EVP_sha256(), 384: EVP_sha384(), 521: EVP_sha512()][Self.width(key) ?? 0] ?? nil
    guard let hash, EVP_DigestVerifyInit(context, nil, hash, nil, key) == 1 else { return false }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  private static func decoded(_ bytes: [UInt8]) -> OpaquePointer? {
    bytes.withUnsafeBufferPointer { buffer in
      var place = buffer.baseAddress
      guard let key = d2i_PUBKEY(nil, &place, buffer.count) else { return nil }
      guard place == buffer.baseAddress! + buffer.count else {
        EVP_PKEY_free(key)
        return nil
      }
      return key
    }
  }

  /// Bits of the key's curve; `nil` for curves that are not known here.
  private static func width(_ key: OpaquePointer) -> Int? {
    var name = [CChar](repeating: 0, count: 64)
    var count = 0
    guard EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1, count < name.count else { return nil }
    return curves[String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)]
  }
}
