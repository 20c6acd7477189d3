internal import COpenSSL

/// A hash of bytes that come piece by piece, by its name; for formats of others, which say which one they took.
package struct StreamedHash: ~Copyable {
  /// The functions that signatures name.
  package enum Function: String, Sendable {
    case sha256, sha512
  }

  private let context: OpaquePointer

  /// Starts with no bytes.
  package init(_ function: Function) {
    let method = function == .sha256 ? EVP_sha256() : EVP_sha512()
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, method, nil) == 1 else {
      preconditionFailure("a hash needs a few hundred bytes of memory")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes.
  package mutating func update(_ bytes: [UInt8]) {
    precondition(
      EVP_DigestUpdate(context, bytes, bytes.count) == 1, "a hash of bytes in memory cannot fail")
  }

  /// The hash of all that was added.
  package consuming func finish() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    precondition(
      EVP_DigestFinal_ex(context, &bytes, &count) == 1, "a hash of bytes in memory cannot fail")
    return Array(bytes.prefix(Int(count)))
  }
}
