import ModelFiles
import TestSupport
import Testing

@Suite struct TextFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ bytes: [UInt8], _ use: ModelFileError.FileUse = .text, limit: Int = 100) throws
    -> TextFile
  {
    try TextFile(folder.write(bytes, to: "text"), use, limit: limit)
  }

  @Test func `a byte-order mark is passed over, and counts in places`() throws {
    let text = try read(TextFile.mark + Array("é\nab".utf8))
    #expect(text.text == "é\nab")
    #expect(text.place(0) == TextPlace(byteOffset: 3, line: 1, column: 1))
    #expect(text.place(2) == TextPlace(byteOffset: 5, line: 1, column: 2))
    #expect(text.place(4) == TextPlace(byteOffset: 7, line: 2, column: 2))
  }

  @Test func `a text is bounded`() throws {
    #expect(try read([UInt8](repeating: 0x61, count: 100)).bytes.count == 100)
    #expect(throws: ModelFileError(.fileTooLarge(byteCount: 101, limit: 100), file: folder.path("text"))) {
      try read([UInt8](repeating: 0x61, count: 101))
    }
  }

  @Test func `what is not UTF-8 is refused at its character`() throws {
    for mark in [[], TextFile.mark] {
      let error = #expect(throws: ModelFileError.self) { try read(mark + Array("é\né".utf8) + [0xFF]) }
      #expect(error?.reason == .headerEncoding)
      #expect(error?.position?.line == 2 && error?.byteOffset == mark.count + 5)
    }
  }

  @Test func `a page is text and no JSON`() throws {
    let page = Array("<!doctype html>".utf8)
    #expect(try read(page).bytes == page)
    #expect(
      throws: ModelFileError(.otherContent(found: .page, expected: .json), file: folder.path("text"))
    ) { try read(page, .json) }
  }

  @Test(arguments: ["{\"a\":1}\n{\"a\":2}", "[{\"a\":1},{\"a\":2}]", "\u{FEFF} [{\"a\":1},\n{\"a\":2}]\n"])
  func `values one after another or in an array`(text: String) throws {
    #expect(try read(Array(text.utf8), .json).jsonValues().compactMap { $0["a"]?.integer } == [1, 2])
  }

  @Test func `a place in a part is moved to where the part begins`() {
    let bytes = Array("ab\ncdé\nf".utf8)
    for start in 0...bytes.count {
      for offset in start...bytes.count where offset != 6 && start != 6 {
        let whole = TextPlace(offset, in: bytes[...])
        let begin = TextPlace(start, in: bytes[...])
        #expect(TextPlace(offset - start, in: bytes[start...], from: begin) == whole)
        #expect(TextPlace(offset - start, in: bytes[start...]).moved(to: begin) == whole)
      }
    }
  }

  @Test(arguments: [
    ("[1,]", JSONError.Slip.commaBeforeBracket, 3), ("{\"a\":1,\n}", .commaBeforeBracket, 8),
    ("[NaN]", .notANumber, 1),
    ("[-Infinity]", .notANumber, 1), ("{'a':1}", .quotationMark, 1),
    ("[\u{201C}a\u{201D}]", .quotationMark, 1),
    ("[1, // one\n2]", .comment, 4), ("# a\n{}", .comment, 0), ("[1 2]", .missingComma, 3),
    ("{\"a\":1\n\"b\":2}", .missingComma, 7), ("[{}{}]", .missingComma, 3), ("{a:1}", .bareKey, 1),
    ("[True]", .pythonWord, 1), ("{\"a\":None}", .pythonWord, 5), ("[\u{FEFF}1]", .byteOrderMark, 1),
  ]) func `a common slip has a name and its place`(text: String, slip: JSONError.Slip, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
    guard case .unexpected(_, _, let found) = error?.problem else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(found == slip && error?.place == TextPlace(offset, in: Array(text.utf8)[...]))
  }
}
