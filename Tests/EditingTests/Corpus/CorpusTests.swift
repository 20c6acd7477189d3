import ModelFiles
import Patches
import TestSupport
import Testing

@testable import Editing

@Suite struct CorpusTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func texts(_ corpus: Corpus) throws -> [String] {
    var reader = corpus.documents()
    var texts: [String] = []
    while let document = try reader.next() { texts.append(document.text) }
    return texts
  }

  private func texts(of content: String) throws -> [String] {
    try texts(Corpus([folder.write(Array(content.utf8), to: "corpus.txt")]))
  }

  @Test(arguments: [
    ("a\nb b\nc", ["a", "b b", "c"]), ("a\r\nb\r\n", ["a", "b"]), ("\n \na\nb\n\n\n", ["a", "b"]),
    ("a\nb\n\nc\n", ["a\nb", "c"]), ("\n\na\r\nb\r\n \t\r\n\r\nc\r\n\r\n", ["a\r\nb", "c"]),
    ("\u{FEFF}a\nb", ["a", "b"]), ("", []), ("\n \n", []), ("one", ["one"]), ("  a\n b", ["  a", " b"]),
    ("{\"text\":\"a\\n\\nb\"}\n\n {\"id\":1,\"text\":\"c\"}\r\n{\"text\":\" \"}", ["a\n\nb", "c"]),
  ]) func `the beginning tells how documents stand`(content: String, documents: [String]) throws {
    #expect(try texts(of: content) == documents)
  }

  @Test func `only the first 64 KiB decide`() throws {
    let line = String(repeating: "x", count: 63) + "\n"
    let early = String(repeating: line, count: 1000) + "\n" + String(repeating: line, count: 1000)
    #expect(try texts(of: early).count == 2)
    let late = String(repeating: line, count: 1024) + "\n" + String(repeating: line, count: 1000)
    #expect(try texts(of: late).count == 2024)
  }

  @Test func `documents are the same wherever pieces end`() throws {
    var generator = SplitMix64(state: 6)
    let documents = (0..<3000).map { number in
      "\(number) é " + String(repeating: "w ", count: Int.random(in: 0...400, using: &generator)) + "."
    }
    #expect(try texts(of: documents.joined(separator: "\n")) == documents)
    #expect(try texts(of: documents.joined(separator: "\n\n")) == documents)
  }

  @Test func `shards share the documents out`() throws {
    let one = try folder.write(Array("a\nb\n\n".utf8), to: "1.txt")
    let two = try folder.write(
      Array("{\"text\":\"c\"}\n{\"text\":\"d\"}\n{\"text\":\"e\"}".utf8), to: "2.jsonl")
    #expect(try texts(Corpus([one, two])) == ["a", "b", "c", "d", "e"])
    for (number, indices) in [(1, [0, 2, 4]), (2, [1, 3])] {
      var reader = Corpus([one, two], shard: Corpus.Shard(number, of: 2)).documents()
      var found: [Int] = []
      while let document = try reader.next() { found.append(document.index) }
      #expect(found == indices)
      #expect(try reader.bytesRead == Corpus([one, two]).byteCount())
      #expect(reader.digests.count == 2)
    }
    for (number, count) in [(0, 2), (3, 2), (1, 0), (-1, -1)] {
      #expect(Corpus.Shard(number, of: count) == nil)
    }
  }

  /// The digest of a file, with documents counted on the way.
  private func digest(of bytes: [UInt8]) throws -> Digest? {
    var reader = Corpus([try folder.write(bytes, to: "corpus.txt")]).documents()
    #expect(reader.digest == nil)
    while try reader.next() != nil {}
    return reader.digest
  }

  @Test(arguments: [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 262_143, 262_144, 262_145, 600_000])
  func `the digest is SHA-256 of the text`(count: Int) throws {
    let bytes = (0..<count).map { UInt8(0x61 + $0 * $0 % 26) }
    #expect(try digest(of: bytes) == Digest(of: bytes))
  }

  @Test func `the digest of several files is that of their digests`() throws {
    let paths = try ["a", "b"].map { try folder.write(Array($0.utf8), to: $0) }
    var reader = Corpus(paths).documents()
    while try reader.next() != nil {}
    #expect(reader.digest == Digest(leaves: [Digest(of: Array("a".utf8)), Digest(of: Array("b".utf8))]))
  }

  @Test func `what is not UTF-8 is refused at its byte`() throws {
    for (content, offset) in [([0x61, 0x0A, 0x62, 0xC3, 0x0A, 0x63], 3), ([0xFF], 0)] as [([UInt8], Int)] {
      let path = try folder.write(content, to: "corpus.txt")
      #expect(throws: CorpusError.encoding(file: path, TextPlace(offset, in: content[...]))) {
        try texts(Corpus([path]))
      }
    }
  }

  @Test func `the byte counts the whole text`() throws {
    let good = [UInt8]("0123456789\n".utf8)
    var content: [UInt8] = []
    for _ in 0..<300_000 { content += good }
    let path = try folder.write(content + [0x61, 0xFF], to: "corpus.txt")
    let place = TextPlace(byteOffset: content.count + 1, line: 300_001, column: 2)
    #expect(throws: CorpusError.encoding(file: path, place)) {
      try texts(Corpus([path]))
    }
  }

  @Test func `a JSON line that is none, or has no text, is refused at its byte`() throws {
    let path = folder.path("corpus.txt")
    let first = "{\"text\":\"a\"}\n"
    func place(_ column: Int) -> TextPlace {
      TextPlace(byteOffset: first.utf8.count + column - 1, line: 2, column: column)
    }
    for (line, error) in [
      ("{\"text\":1}", CorpusError.noText(file: path, place(1))), ("{}", .noText(file: path, place(1))),
      ("{\"text\"", .syntax(file: path, place(8), problem: .unexpectedEnd)),
      (
        "{\"text\":\"b\"} 1",
        .syntax(file: path, place(14), problem: .unexpected("1", expected: "'{'", slip: nil))
      ),
      (
        "{\"text\":\"b\",}",
        .syntax(
          file: path, place(13),
          problem: .unexpected("}", expected: "a key in quotation marks", slip: .commaBeforeBracket))
      ),
    ] { #expect(throws: error) { try texts(of: first + line) } }
  }

  @Test func `a document of the limit is read and a longer one refused`() throws {
    let limit = 300_000
    func counts(_ path: String) throws -> [Int] {
      let file = try CorpusFile(path, documentLimit: limit)
      var counts: [Int] = []
      while let text = try file.next() { counts.append(text.utf8.count) }
      return counts
    }
    let text = [UInt8](repeating: 0x78, count: limit)
    let path = try folder.write([0x61, 0x0A] + text + [0x0D, 0x0A, 0x62], to: "corpus.txt")
    #expect(try counts(path) == [1, limit, 1])
    let place = TextPlace(byteOffset: 2, line: 2, column: 1)
    for rest in [[0x78], [0x78, 0x0A], [0x78] + text] as [[UInt8]] {
      try folder.write([0x61, 0x0A] + text + rest, to: "corpus.txt")
      #expect(throws: CorpusError.documentTooLong(file: path, place, limit: limit)) {
        try counts(path)
      }
    }
  }

  @Test(arguments: [
    (#"[{"text":"a"},{"id":1,"text":"b]\"}{"}]"#, ["a", "b]\"}{"]), ("[ \"a\" ,\n\"b\" ]\n", ["a", "b"]),
    ("[]", []),
    ("\u{FEFF}[\n {\n  \"text\": \"a\\nb\"\n },\n \"c\"\n]", ["a\nb", "c"]), ("[{\"text\":\" \"}]", []),
    ("{\"text\":\n\"a\"}{\"text\":\"b\"}", ["a", "b"]),
    // Prose that begins with a bracket.
    ("[Music]\nb", ["[Music]", "b"]), ("[1] a", ["[1] a"]),
    ("[\"a\" said she]\nb", ["[\"a\" said she]", "b"]),
    ("[]\nb", ["[]", "b"]), ("[{x}]", ["[{x}]"]),
  ]) func `an array of documents is told from prose`(content: String, documents: [String]) throws {
    #expect(try texts(of: content) == documents)
  }

  @Test func `an array larger than a piece is read element by element`() throws {
    var generator = SplitMix64(state: 8)
    let documents = (0..<2000).map {
      "\($0) é\\\"[" + String(repeating: "w{", count: .random(in: 0...300, using: &generator))
    }
    let json = JSONValue.array(documents.map { ["text": .string($0)] })
    #expect(try texts(of: json.compactText) == documents)
    #expect(try texts(of: json.indentedText) == documents)
  }

  @Test(arguments: [
    ("[{\"text\":\"a\"},]", 14, 1), ("[{\"text\":\"a\"}\n{\"text\":\"b\"}]", 14, 2),
    ("[{\"text\":\"a\"}", 13, 1),
    ("[{\"text\":\"a\"}] x", 15, 1), ("[{\"text\":\"a\"},,", 14, 1), ("[{\"text\":\"a\"}, nil]", 15, 1),
    ("[{\"text\":\"a\",}]", 13, 1),
  ]) func `an array that is none is refused at its character`(content: String, offset: Int, line: Int) throws
  {
    let error = #expect(throws: CorpusError.self) { try texts(of: content) }
    guard case .syntax(_, let place, _) = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(place.byteOffset == offset && place.line == line)
  }

  @Test(arguments: [
    ("PK\u{3}\u{4}", FileContent.zip), ("GGUF", .gguf),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", .pointer(byteCount: 12)),
  ]) func `what is no text is refused by name`(content: String, found: FileContent) throws {
    #expect(throws: CorpusError.notText(file: folder.path("corpus.txt"), found: found)) {
      try texts(of: content)
    }
  }

  @Test func `a missing file is refused`() throws {
    #expect(throws: ModelFileError.self) { try texts(Corpus([folder.path("none")])) }
  }
}
