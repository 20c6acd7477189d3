import ModelFiles
import TestSupport
import Testing

@Suite struct GGUFHeaderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func header(_ bytes: [UInt8]) throws -> GGUFHeader {
    try GGUFHeader(reading: OpenFile(folder.write(bytes, to: "a.gguf"), .reading))
  }

  @Test(arguments: Vector.all("gguf")) func `a file is read or refused as its vector says`(vector: Vector)
    throws
  {
    guard let rejection = vector.rejection else {
      let found = try header(vector.bytes)
      #expect(found.tensors.allSatisfy { $0.byteRange.upperBound <= vector.bytes.count })
      return
    }
    let error = #expect(throws: ModelFileError.self) { try header(vector.bytes) }
    #expect(error.map { caseName($0.reason) } == rejection)
    if let place = vector.byteOffset { #expect(error?.byteOffset == place) }
    #expect(error?.file == folder.path("a.gguf"))
  }

  @Test func `every kind of refusal has a vector`() {
    let kinds = Set(Vector.all("gguf").compactMap(\.rejection))
    #expect(
      kinds == [
        "notGGUF", "bigEndian", "unknownVersion", "headerCut", "tooManyTensors", "tooManyKeys",
        "stringTooLong",
        "headerEncoding", "arrayTooLong", "unknownValueType", "nestedTooDeep", "emptyKey", "duplicateKey",
        "alignmentType", "badAlignment", "duplicateName", "tooManyDimensions", "sizeOverflow",
        "unknownElementType",
        "partialBlock", "misalignedOffset", "offsetGap", "offsetOverlap", "dataBeyondFile",
      ])
  }

  @Test(arguments: Vector.all("gguf").filter { $0.rejection == nil })
  func `a file cut before the end of its last tensor is refused`(vector: Vector) throws {
    let whole = try header(vector.bytes)
    let needed =
      whole.tensors.isEmpty ? vector.bytes.count : whole.tensors.map(\.byteRange.upperBound).max() ?? 0
    for length in 0..<needed {
      #expect(throws: ModelFileError.self, "cut to \(length)") { try header(Array(vector.bytes[..<length])) }
    }
    for length in needed..<vector.bytes.count {
      #expect(throws: Never.self, "cut to \(length)") { try header(Array(vector.bytes[..<length])) }
    }
  }

  @Test func `an error names key, tensor and both numbers`() throws {
    func error(_ name: String) throws -> ModelFileError? {
      let vector = try #require(Vector.all("gguf").first { $0.name == name })
      return #expect(throws: ModelFileError.self) { try header(vector.bytes) }
    }
    #expect(try error("reject-stringTooLong-by-one")?.reason == .stringTooLong(length: 3, limit: 2))
    #expect(try error("reject-stringTooLong-by-one")?.key == "a")
    #expect(try error("reject-partialBlock")?.reason == .partialBlock(rowLength: 33, blockLength: 32))
    #expect(try error("reject-partialBlock")?.tensor == "a")
    #expect(try error("reject-misalignedOffset")?.reason == .misalignedOffset(offset: 4, alignment: 32))
    #expect(try error("reject-bigEndian")?.reason == .bigEndian(version: 3))
    #expect(
      try error("reject-unknownElementType-removed")?.reason
        == .unknownElementType("4 (Q4_2, removed from ggml)"))
    #expect(try error("reject-badAlignment-24")?.key == "general.alignment")
  }

  @Test func `shapes stand outermost first`() throws {
    let vector = try #require(Vector.all("gguf").first { $0.name == "accept-k-quant" })
    let tensor = try #require(try header(vector.bytes).tensors.first)
    #expect(tensor.shape == [2, 256] && tensor.elementType == .q4K && tensor.byteCount == 288)
    #expect(Array(vector.bytes[tensor.byteRange].prefix(3)) == [0, 1, 2])
  }

  @Test func `a vocabulary costs no memory and little time`() throws {
    // Words of 8 bytes, 128 thousand of them: 2 MiB that no step holds at once.
    let words = try GGUFValue.array(
      of: .string, (0..<131_072).map { GGUFValue.string("word" + String($0 % 9000 + 1000)) })
    try GGUFWriter.write([], metadata: [GGUFField("tokenizer.ggml.tokens", words)], to: folder.path("v.gguf"))
    let header = try GGUFHeader(reading: OpenFile(folder.path("v.gguf"), .reading))
    let value = try #require(header["tokenizer.ggml.tokens"])
    #expect(value.count == 131_072 && value.elementType == .string && value.byteCount == 12 + 131_072 * 16)
    #expect(try value.elements(3).map { try $0.text() } == ["word1000", "word1001", "word1002"])
    #expect(try value.elements().last?.text() == "word6071")
  }
}
