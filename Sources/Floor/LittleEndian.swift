/// Numbers as bytes, the least significant first, as all our files and GGUF have them.
extension FixedWidthInteger {
  /// All bytes of the number.
  package var littleEndianBytes: [UInt8] { Swift.withUnsafeBytes(of: littleEndian) { Array($0) } }

  /// The low bytes of the number.
  package func littleEndianBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
  }

  /// The number that bytes spell; higher ones than it holds are dropped.
  package init(littleEndianBytes bytes: some BidirectionalCollection<UInt8>) {
    self = bytes.reversed().reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
  }
}
