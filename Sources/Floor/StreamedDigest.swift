internal import COpenSSL

/// SHA-256 of bytes that come piece by piece, as a corpus does; `Digest` hashes what lies in memory at once.
package struct StreamedDigest: ~Copyable {
  private let context: OpaquePointer

  /// Starts with no bytes.
  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("SHA-256 needs a few hundred bytes of memory")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(status == 1, "SHA-256 of bytes in memory cannot fail")
  }

  /// The digest of the bytes so far; more may follow.
  package var value: Digest {
    guard let copy = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(copy, context) == 1 else {
      preconditionFailure("SHA-256 needs a few hundred bytes of memory")
    }
    defer { EVP_MD_CTX_free(copy) }
    var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
    let status = EVP_DigestFinal_ex(copy, &bytes, nil)
    precondition(status == 1, "SHA-256 of bytes in memory cannot fail")
    return Digest(stored: bytes)
  }
}
