import Glibc
import ModelFiles
import TestSupport
import Testing

@Suite struct ElementTypeTests {
  static let bitCounts = [
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
  ]

  @Test(arguments: ElementType.allCases.filter(\.isInSafetensors)) func `an element has its size`(
    type: ElementType
  ) throws {
    #expect(type.bitCount == Self.bitCounts[type.rawValue])
    #expect(try type.byteCount(shape: [8, 3]) == 3 * type.bitCount)
    #expect(try type.byteCount(shape: [2, 0, 5]) == 0)
    if type.bitCount % 8 == 0 { #expect(try type.byteCount(shape: []) == type.bitCount / 8) }
  }

  @Test func `all types of the format are known`() {
    #expect(Set(ElementType.allCases.filter(\.isInSafetensors).map(\.rawValue)) == Set(Self.bitCounts.keys))
    #expect(ElementType.allCases.filter(\.isEditable) == [.f16, .bf16, .f32, .f64])
    #expect(ElementType(rawValue: "f32") == nil)
  }

  @Test(arguments: [
    (ElementType.f32, [Int.max, 2]), (.u8, [.max]), (.f4, [.max]), (.u8, [1 << 32, 1 << 31]),
    (.f64, [1 << 60]),
    (.u8, [.max, .max, 0]), (.u8, [-1]), (.u8, [0, -1]), (.u8, [.min, -1]),
  ])
  func `a product that does not fit is an error`(type: ElementType, shape: [Int]) {
    #expect(throws: ModelFileError.Reason.sizeOverflow) { try type.byteCount(shape: shape) }
  }

  @Test func `the largest sizes fit`() throws {
    #expect(try ElementType.u8.byteCount(shape: [1 << 30, (1 << 30) - 1]) == (1 << 60) - (1 << 30))
    #expect(try ElementType.u8.byteCount(shape: [0, .max, .max]) == 0)
  }

  @Test(arguments: [(ElementType.f4, [3], 12), (.f6E2M3, [2], 12), (.f6E3M2, [1], 6), (.f4, [], 4)])
  func `a byte that is not full is an error`(type: ElementType, shape: [Int], bits: Int) {
    #expect(throws: ModelFileError.Reason.partialByte(bits: bits)) { try type.byteCount(shape: shape) }
  }
}

@Suite struct ElementConversionTests {
  private func convert<Scalar: BitwiseCopyable>(_ type: ElementType, _ elements: [Scalar]) -> [Float] {
    var floats: [Float] = []
    elements.withUnsafeBytes { type.convert($0.baseAddress!, count: elements.count, into: &floats) }
    return floats
  }

  /// The same bits, or both not a number.
  private func mismatches(_ found: [Float], _ expected: [Float]) -> [Int] {
    found.indices.filter {
      found[$0].bitPattern != expected[$0].bitPattern && !(found[$0].isNaN && expected[$0].isNaN)
    }
  }

  @Test func `all F16 numbers`() {
    let bits = (0...UInt16.max).map { $0 }
    #expect(mismatches(convert(.f16, bits), bits.map { Float(Float16(bitPattern: $0)) }) == [])
  }

  @Test func `all BF16 numbers`() {
    let bits = (0...UInt16.max).map { $0 }
    #expect(mismatches(convert(.bf16, bits), bits.map { Float(bitPattern: UInt32($0) << 16) }) == [])
  }

  @Test func `F32 numbers stay as they are`() {
    var generator = SplitMix64(state: 5)
    let floats =
      [0, -0.0, 1, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
      + (0..<1000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
    #expect(mismatches(convert(.f32, floats), floats) == [])
  }

  @Test func `F64 numbers are rounded to nearest, ties to even`() {
    var generator = SplitMix64(state: 6)
    let doubles =
      [
        0, -0.0, 1 + 0x1p-24, 1 + 0x1p-23 + 0x1p-24, 1 + 0x1.000002p-24, 1e300, -1e300, 1e-300, 0x1p-150,
        0x1.8p-149,
      ]
      + (0..<1000).map { _ in Double(bitPattern: generator.next()) }
    #expect(mismatches(convert(.f64, doubles), doubles.map { Float($0) }) == [])
    #expect(convert(.f64, [1 + 0x1p-24, 1 + 0x1p-23 + 0x1p-24]) == [1, 1 + 0x1p-22])
  }

  @Test(arguments: 0...33) func `no count reaches beyond its elements`(count: Int) {
    let bits = [UInt16](repeating: 0x3F80, count: count)
    var floats = [Float](repeating: 7, count: 40)
    bits.withUnsafeBytes {
      ElementType.bf16.convert(
        $0.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!, count: count, into: &floats)
    }
    #expect(floats == [Float](repeating: 1, count: count) + [Float](repeating: 7, count: 40 - count))
  }
}
