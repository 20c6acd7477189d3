import ModelFiles
import TestSupport
import Testing

@Suite struct JSONTests {
  @Test(arguments: Vector.all("json")) func `a text is read or refused as its vector says`(vector: Vector)
    throws
  {
    guard let rejection = vector.rejection else {
      let value = try JSONValue(parsing: vector.bytes)
      #expect(try JSONValue(parsing: Array(value.compactText.utf8)) == value)
      #expect(try JSONValue(parsing: Array(value.indentedText.utf8)) == value)
      #expect(try skipping(vector.bytes) == vector.bytes.count)
      if vector.isCanonical { #expect(Array(value.compactText.utf8) == vector.bytes) }
      return
    }
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: vector.bytes) }
    #expect(error.map { caseName($0.problem) } == rejection)
    #expect(error?.byteOffset == vector.byteOffset)
    // Passing over a value finds the same fault at the same byte.
    #expect(throws: try #require(error)) { try skipping(vector.bytes) }
  }

  @Test func `every kind of refusal has a vector`() {
    let kinds = Set(Vector.all("json").compactMap(\.rejection))
    // A text of too many values is too large for a vector.
    #expect(
      kinds == [
        "unexpectedEnd", "unexpected", "badEscape", "controlCharacter", "badNumber", "duplicateKey",
        "tooDeep",
        "trailingBytes",
      ])
  }

  @Test(arguments: Vector.all("json").filter { $0.rejection == nil })
  func `no cut and no changed byte does harm`(vector: Vector) {
    for length in vector.bytes.indices { expectValueOrError(Array(vector.bytes[..<length])) }
    var bytes = vector.bytes
    for position in bytes.indices {
      for byte in 0...UInt8.max {
        bytes[position] = byte
        expectValueOrError(bytes)
      }
      bytes[position] = vector.bytes[position]
    }
  }

  /// Whatever a text holds: a value that survives writing and reading, or an error within the text.
  private func expectValueOrError(_ bytes: [UInt8]) {
    do throws(JSONError) {
      let value = try JSONValue(parsing: bytes)
      let text = value.compactText
      if (try? JSONValue(parsing: Array(text.utf8))) != value { Issue.record("\(text) does not read back") }
    } catch {
      if !(0...bytes.count).contains(error.byteOffset) { Issue.record("\(error) of \(bytes.count) bytes") }
    }
  }

  @Test func `random values survive writing and reading`() throws {
    var generator = SplitMix64(state: 11)
    for _ in 0..<2000 {
      let value = JSONValue.random(using: &generator)
      #expect(try JSONValue(parsing: Array(value.compactText.utf8)) == value)
      #expect(try JSONValue(parsing: Array(value.indentedText.utf8)) == value)
    }
  }

  @Test(arguments: [
    (JSONValue.number(.infinity), "null"), (.number(.nan), "null"), (.number(0.1), "0.1"),
    (.number(-0.0), "-0.0"),
    (.integer(.min), "-9223372036854775808"), (.string("\u{1B}\u{7F}"), "\"\\u001b\u{7F}\""),
    (.array([]), "[]"), (.object([]), "{}"),
  ])
  func `a value is written so`(value: JSONValue, text: String) {
    #expect(value.compactText == text)
  }

  @Test func `people get one member a line and plain arrays on one`() {
    let value: JSONValue = [
      "a": [1, 2], "b": [[1], .object([])], "c": ["d": .null], "e": .object([]), "f": [],
    ]
    #expect(
      value.indentedText == """
        {
          "a": [1,2],
          "b": [
            [1],
            {}
          ],
          "c": {
            "d": null
          },
          "e": {},
          "f": []
        }
        """)
  }

  @Test func `a value answers only as what it is`() {
    let value: JSONValue = ["text": "a", "integer": 1, "number": .number(1.5), "array": [1]]
    #expect(value["text"]?.text == "a" && value["text"]?.integer == nil)
    #expect(value["integer"]?.integer == 1 && value["integer"]?.number == 1)
    #expect(value["number"]?.number == 1.5 && value["number"]?.integer == nil)
    #expect(value["array"]?.elements == [1] && value["array"]?["x"] == nil)
    #expect(value.members?.count == 4 && value["missing"] == nil)
  }

  @Test func `a cursor in the middle of bytes counts from its own start`() {
    let bytes = Array("xx{\"a\":?}".utf8)
    var reader = JSONReader(bytes[2...])
    let error = #expect(throws: JSONError.self) { try reader.skip() }
    #expect(error?.byteOffset == 5)
  }

  @Test(arguments: ["0", "7", "9223372036854775807"]) func `a count is a whole number`(text: String) throws {
    var reader = JSONReader(Array(text.utf8)[...])
    #expect(try reader.count() == Int(text))
    try reader.finish()
  }

  @Test(arguments: ["-1", "-0", "00", "1.0", "1e3", "9223372036854775808", "true", "\"1\"", ""])
  func `anything else is no count`(text: String) {
    var reader = JSONReader(Array(text.utf8)[...])
    #expect(throws: JSONError.self) { try reader.count() }
  }

  private func skipping(_ bytes: [UInt8]) throws -> Int {
    var reader = JSONReader(bytes[...])
    try reader.skip()
    try reader.finish()
    return reader.byteOffset
  }
}

/// The name of an enum case, without its values: the word that vectors and `--json` use.
func caseName(_ value: some Any) -> String { String("\(value)".prefix { $0 != "(" }) }

extension JSONValue {
  fileprivate static func random(using generator: inout SplitMix64, depth: Int = 0) -> JSONValue {
    switch Int.random(in: 0..<(depth < 4 ? 7 : 5), using: &generator) {
    case 0: .null
    case 1: .bool(Bool.random(using: &generator))
    case 2:
      .integer(Int.random(in: .min ... .max, using: &generator) >> Int.random(in: 0..<64, using: &generator))
    case 3: .random(bits: generator.next())
    case 4: .string(text(using: &generator))
    case 5:
      .array(
        (0..<Int.random(in: 0..<4, using: &generator)).map { _ in random(using: &generator, depth: depth + 1)
        })
    default:
      .object(
        (0..<Int.random(in: 0..<4, using: &generator)).map { index in
          .init("\(index)" + text(using: &generator), random(using: &generator, depth: depth + 1))
        })
    }
  }

  /// Any finite number; a whole one below 2⁶³ would read back as an integer only if written without fraction.
  private static func random(bits: UInt64) -> JSONValue {
    let value = Double(bitPattern: bits)
    return .number(value.isFinite ? value : 0.5)
  }

  private static func text(using generator: inout SplitMix64) -> String {
    let scalars: [UnicodeScalar] = [
      "\0", "\u{1F}", "\"", "\\", "/", "a", "\u{7F}", "é", "\u{301}", "\u{2028}", "\u{FFFF}", "😀",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0..<6, using: &generator) {
      text.unicodeScalars.append(scalars.randomElement(using: &generator) ?? "a")
    }
    return text
  }
}
