import ModelFiles
import TestSupport
import Testing

/// Against `Fixtures/reference/blocks.safetensors`: decoding by the gguf package and ggml, encoding by ggml's reference
/// quantizers. Everything is bit for bit.
@Suite struct GGUFBlocksTests {
  static let decoded: [ElementType] = [
    .q1_0, .q2_0, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K, .q8K, .iq4NL, .iq4XS,
    .tq1_0, .tq2_0,
    .mxfp4, .nvfp4,
  ]
  static let encoded: [ElementType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K]

  let model: ModelFile

  init() throws { model = try ModelFile(PackageFiles.path("Fixtures/reference/blocks.safetensors")) }

  private func bytes(_ name: String) throws -> [UInt8] {
    let tensor = try model.tensor(name)
    return try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
  }

  private func floats(_ name: String) throws -> [Float] { ElementType.f32.decoded(try bytes(name)) }

  @Test func `the table of sizes is ggml's`() throws {
    let text = try #require(model.metadata[0].first { $0.key == "sizes" }?.value)
    let sizes = try #require(try JSONValue(parsing: Array(text.utf8)).members)
    #expect(sizes.count == 35)
    for size in sizes {
      let type = try #require(ElementType(rawValue: size.key), "\(size.key)")
      let numbers = size.value.elements?.compactMap(\.integer)
      #expect(numbers?.dropFirst() == [type.blockElementCount, type.blockByteCount], "\(size.key)")
    }
    #expect(
      Set(ElementType.allCases.filter { !$0.isInSafetensors }.map(\.rawValue)).isSubset(
        of: Set(sizes.map(\.key))))
  }

  @Test(arguments: decoded) func `blocks decode to the same bits`(type: ElementType) throws {
    #expect(type.isDecodable)
    let found = type.decoded(try bytes(type.rawValue + ".blocks"))
    let expected = try floats(type.rawValue + ".decoded")
    #expect(found.count == expected.count)
    #expect(found.indices.filter { found[$0].bitPattern != expected[$0].bitPattern } == [])
  }

  @Test(arguments: encoded) func `floats encode to the same bytes`(type: ElementType) throws {
    #expect(type.isEncodable)
    let found = try type.encoded(try floats("inputs"))
    let expected = try bytes(type.rawValue + ".encoded")
    #expect(found.count == expected.count)
    #expect(found.indices.filter { found[$0] != expected[$0] } == [])
  }

  @Test(arguments: encoded) func `any number of blocks, none reaches beyond its own`(type: ElementType) throws
  {
    let all = try floats("inputs")
    let whole = try type.encoded(all)
    for count in 0...3 {
      let bytes = try type.encoded(Array(all.prefix(count * type.blockElementCount)))
      #expect(bytes == Array(whole.prefix(count * type.blockByteCount)))
      #expect(type.decoded(bytes) == Array(type.decoded(whole).prefix(count * type.blockElementCount)))
    }
  }

  @Test(arguments: encoded) func `what is not finite goes into no block`(type: ElementType) throws {
    for (index, value) in [(0, Float.nan), (511, .infinity), (300, -.infinity)] {
      var floats = [Float](repeating: 1, count: 512)
      floats[index] = value
      #expect(throws: ModelFileError.Reason.notFinite(index: index)) { try type.encoded(floats) }
    }
  }

  /// Extremes of finite floats: overflowing squares, scales beyond F16, inverses of subnormal scales.
  @Test(arguments: encoded) func `no finite input traps`(type: ElementType) throws {
    var generator = SplitMix64(state: 31)
    for scale in [Float.greatestFiniteMagnitude, 1e30, 1e-30, 1e-38, .leastNonzeroMagnitude] {
      let floats = (0..<512).map { _ in Float.random(in: -1...1, using: &generator) * scale }
      let bytes = try type.encoded(floats)
      #expect(type.decoded(bytes).count == 512)
    }
    for _ in 0..<50 {
      let bits = (0..<256).map { _ in UInt32(truncatingIfNeeded: generator.next()) }
      let floats = bits.map { Float(bitPattern: $0) }.map { $0.isFinite ? $0 : 0 }
      _ = type.decoded(try type.encoded(floats))
    }
  }

  @Test(arguments: decoded) func `any bytes decode`(type: ElementType) {
    var generator = SplitMix64(state: 32)
    let bytes = (0..<type.blockByteCount * 40).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    #expect(type.decoded(bytes).count == 40 * type.blockElementCount)
  }

  @Test func `scalar types are rounded to nearest, ties to even`() throws {
    #expect(
      try ElementType.f16.encoded([1, -2, 1 + 0x1p-11, 1 + 3 * 0x1p-11, 65520, .infinity])
        == [0, 0x3C, 0, 0xC0, 0, 0x3C, 2, 0x3C, 0, 0x7C, 0, 0x7C])
    #expect(
      try ElementType.bf16.encoded([1, 1 + 0x1p-8, 1 + 3 * 0x1p-8]) == [0x80, 0x3F, 0x80, 0x3F, 0x82, 0x3F])
    let floats: [Float] = [0.1, -3, .leastNonzeroMagnitude]
    for type in [ElementType.f32, .f64] { #expect(type.decoded(try type.encoded(floats)) == floats) }
  }

  @Test func `opaque types say so`() {
    for type in [ElementType.iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq3S, .q8_1, .i8, .f8E4M3] {
      #expect(!type.isDecodable && !type.isEncodable, "\(type)")
    }
    #expect(!ElementType.mxfp4.isEncodable && ElementType.f16.isEncodable && ElementType.f64.isDecodable)
  }
}
