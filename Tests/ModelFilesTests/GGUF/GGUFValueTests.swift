import ModelFiles
import TestSupport
import Testing

@Suite struct GGUFValueTests {
  private func header(_ name: String) throws -> (GGUFHeader, TemporaryFolder) {
    let folder = try TemporaryFolder()
    let vector = try #require(Vector.all("gguf").first { $0.name == name })
    return (try GGUFHeader(reading: OpenFile(folder.write(vector.bytes, to: "a.gguf"), .reading)), folder)
  }

  @Test func `numbers of every type`() throws {
    let (header, _) = try header("accept-value-types")
    let whole = [
      "u8": 200, "i8": -100, "u16": 60000, "i16": -30000, "u32": 4_000_000_000, "i32": -2_000_000_000,
    ]
    for (key, number) in whole {
      #expect(header[key]?.integer == number, "\(key)")
      #expect(header[key]?.number == Double(number), "\(key)")
    }
    #expect(header["i64"]?.integer == .min)
    #expect(header["u64"]?.integer == nil && header["u64"]?.number == 0x1p64)
    #expect(header["f32"]?.number == 0.5 && header["f64"]?.number == 0.25 && header["f32"]?.integer == nil)
    #expect(header["bool"]?.truth == true && header["u8"]?.truth == nil)
    #expect(try header["string"]?.text() == "é" && header["u8"]?.text() == nil)
    #expect(header["none"] == nil)
  }

  @Test func `arrays`() throws {
    let (header, _) = try header("accept-arrays")
    #expect(try header["u8"]?.elements().map(\.integer) == [1, 2, 3])
    #expect(try header["u8"]?.elements(2).map(\.integer) == [1, 2])
    #expect(try header["i64"]?.elements().map(\.integer) == [-1, 1])
    #expect(try header["bool"]?.elements().map(\.truth) == [false, true])
    #expect(try header["strings"]?.elements().map { try $0.text() } == ["a", "", "bc"])
    #expect(try header["none"]?.elements().count == 0 && header["none"]?.count == 0)
  }

  @Test func `arrays in arrays`() throws {
    let (header, _) = try header("accept-nested-arrays")
    let two = try #require(try header["two"]?.elements())
    #expect(try two.first?.elements().map(\.integer) == [1, 2])
    #expect(try two.last?.elements().map { try $0.text() } == ["x"])
    var deep = try #require(header["deep"])
    var depth = 0
    while deep.type == .array, let inner = try deep.elements().first {
      deep = inner
      depth += 1
    }
    #expect(depth == 8 && deep.integer == 7)
  }

  @Test func `text that is not UTF-8 can be shown`() throws {
    let (header, _) = try header("accept-not-utf-8-value")
    #expect(try header["a"]?.text() == "\u{FFFD}\u{FFFD}")
    #expect(try header["a"]?.bytes().suffix(2) == [0xFF, 0xFE])
  }

  @Test func `values made here read back`() throws {
    let folder = try TemporaryFolder()
    let long = String(repeating: "long ", count: 1000)
    let fields = [
      GGUFField("uint8", .uint8(1)), GGUFField("uint16", .uint16(2)), GGUFField("uint32", .uint32(3)),
      GGUFField("int32", .int32(-4)), GGUFField("uint64", .uint64(5)), GGUFField("int64", .int64(-6)),
      GGUFField("float32", .float32(0.5)), GGUFField("float64", .float64(0.25)),
      GGUFField("bool", .bool(true)),
      GGUFField("string", .string(long)),
      GGUFField(
        "array", try .array(of: .array, [.array(of: .string, [.string(long)]), .array(of: .int32, [])])),
    ]
    try GGUFWriter.write([], metadata: fields, to: folder.path("a.gguf"))
    let header = try GGUFHeader(reading: OpenFile(folder.path("a.gguf"), .reading))
    #expect(header.metadata.map(\.key) == fields.map(\.key))
    for (found, field) in zip(header.metadata, fields) {
      #expect(found.value.type == field.value.type && found.value.count == field.value.count, "\(field.key)")
      #expect(try found.value.bytes() == field.value.bytes(), "\(field.key)")
    }
    #expect(try header["string"]?.text() == long)
    #expect(try header["array"]?.elements().first?.elements().first?.text() == long)
  }
}
