internal import COpenSSL

/// SHA-256 of named bytes.
public struct Digest: Hashable, Sendable {
  /// The 32 bytes.
  public let value: SIMD32<UInt8>

  /// Length in bytes.
  public static let byteCount = 32

  /// Hashes bytes; libcrypto uses the processor's instructions.
  public init(of bytes: UnsafeRawBufferPointer) {
    var value = SIMD32<UInt8>()
    withUnsafeMutableBytes(of: &value) { result in
      let status = EVP_Digest(
        bytes.baseAddress, bytes.count, result.baseAddress!.assumingMemoryBound(to: UInt8.self), nil,
        EVP_sha256(),
        nil)
      precondition(status == 1, "SHA-256 of bytes in memory cannot fail")
    }
    self.value = value
  }

  /// Hashes bytes.
  public init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { Digest(of: $0) } }

  /// The digest of a tensor: SHA-256 over its leaves, in order.
  public init(leaves: some Collection<Digest>) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(leaves.count * Digest.byteCount)
    for leaf in leaves { bytes += leaf.bytes }
    self.init(of: bytes)
  }

  /// Takes 32 stored bytes.
  public init(stored bytes: some Collection<UInt8>) {
    precondition(bytes.count == Digest.byteCount, "a digest has 32 bytes")
    var value = SIMD32<UInt8>()
    for (index, byte) in bytes.enumerated() { value[index] = byte }
    self.value = value
  }

  /// Reads 64 lower-case hexadecimal digits.
  public init?(hexadecimal text: String) {
    guard let bytes = Hexadecimal.bytes(text), bytes.count == Digest.byteCount else { return nil }
    self.init(stored: bytes)
  }

  /// The 32 bytes as an array.
  public var bytes: [UInt8] { (0..<32).map { value[$0] } }

  /// 64 lower-case hexadecimal digits.
  public var hexadecimal: String { Hexadecimal.text(bytes) }

  /// Enough digits to tell two digests apart by eye.
  public var abbreviation: String { String(hexadecimal.prefix(12)) }
}
