internal import COpenSSL

/// Signatures of RFC 8032 on the curve Edwards25519; libcrypto computes.
package enum Ed25519 {
  /// Length of a public key and of a seed, in bytes.
  package static let keyByteCount = 32
  /// Length of a signature in bytes.
  package static let signatureByteCount = 64

  /// The public key of a seed; `nil` where that is not 32 bytes long.
  package static func publicKey(seed: [UInt8]) -> [UInt8]? {
    guard let key = privateKey(seed) else { return nil }
    defer { EVP_PKEY_free(key) }
    var bytes = [UInt8](repeating: 0, count: keyByteCount)
    var count = bytes.count
    guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == keyByteCount else { return nil }
    return bytes
  }

  /// Signs a message; the same message gives the same signature. `nil` where the seed is not 32 bytes long.
  package static func signature(of message: [UInt8], seed: [UInt8]) -> [UInt8]? {
    guard let key = privateKey(seed), let context = EVP_MD_CTX_new() else { return nil }
    defer {
      EVP_MD_CTX_free(context)
      EVP_PKEY_free(key)
    }
    var signature = [UInt8](repeating: 0, count: signatureByteCount)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == signatureByteCount
    else { return nil }
    return signature
  }

  /// Whether this is the signature that the key's owner gave the message.
  package static func isValid(_ signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard publicKey.count == keyByteCount, signature.count == signatureByteCount,
      let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
    else { return false }
    defer { EVP_PKEY_free(key) }
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  private static func privateKey(_ seed: [UInt8]) -> OpaquePointer? {
    guard seed.count == keyByteCount else { return nil }
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
  }
}
