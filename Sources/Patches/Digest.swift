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
    let digits = Array(text.utf8)
    guard digits.count == 64 else { return nil }
    var value = SIMD32<UInt8>()
    for index in 0..<32 {
      guard let high = Digest.digit(digits[2 * index]), let low = Digest.digit(digits[2 * index + 1]) else {
        return nil
      }
      value[index] = high << 4 | low
    }
    self.value = value
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  /// The 32 bytes as an array.
  public var bytes: [UInt8] { (0..<32).map { value[$0] } }

  /// 64 lower-case hexadecimal digits.
  public var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Enough digits to tell two digests apart by eye.
  public var abbreviation: String { String(hexadecimal.prefix(12)) }
}
