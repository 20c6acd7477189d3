import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// Text is cut where huggingface/tokenizers and llama.cpp cut it, as the tokens of a vocabulary show whose merges run across words.
@Suite struct SplittingTests {
  /// What `Fixtures/make/splitting_fixtures.py` wrote: tokens of every text, by the name of the splitting.
  private struct Goldens {
    let texts: [String]
    private let golden: JSONValue

    init() throws {
      texts = try TokenizerGoldens("gpt2").texts
      golden = try JSONValue(parsing: TokenizerGoldens.bytes("splitting.golden.json"))
    }

    private func list(_ value: JSONValue) -> [Int32] {
      (value.elements ?? []).compactMap { $0.integer.map { Int32($0) } }
    }

    /// Those of the name it is most like, but for some.
    func tokens(_ name: String) throws -> [[Int32]] {
      guard !name.isEmpty else { return (golden["tokens"]?.elements ?? []).map(list) }
      let entry = try #require(golden["names"]?[name])
      var found = try tokens(try #require(entry["like"]?.text))
      for member in entry["tokens"]?.members ?? [] {
        found[try #require(Int(member.key))] = list(member.value)
      }
      return found
    }

    /// Numbers of the texts in which it is like no other.
    func special(_ name: String) -> Set<Int> {
      Set((golden["names"]?[name]?["tokens"]?.members ?? []).compactMap { Int($0.key) })
    }

    func regexes(_ name: String) -> [String]? {
      golden["names"]?[name]?["regexes"]?.elements?.compactMap(\.text)
    }
    var names: [String] { golden["names"]?.members?.map(\.key) ?? [] }
  }

  /// The vocabulary with another splitting: metadata of a GGUF file, or the patterns of a `tokenizer.json`.
  private func tokenizer(_ name: String, _ regexes: [String]?, _ folder: TemporaryFolder) throws -> Tokenizer
  {
    guard let regexes else {
      let bytes = try TokenizerGoldens.bytes("splitting.gguf")
      let (key, old) = (Array("tokenizer.ggml.pre".utf8), Array("gpt-2".utf8))
      let place = try #require(bytes.indices.first { bytes[$0...].starts(with: key) }) + key.count + 4
      let length = [UInt8(name.utf8.count)] + [UInt8](repeating: 0, count: 7)
      let changed = bytes[..<place] + length + Array(name.utf8) + bytes[(place + 8 + old.count)...]
      return try Tokenizer(gguf: ModelFile(folder.write(Array(changed), to: "\(name).gguf")))
    }
    return try json(regexes.map { ($0, "Isolated", false) })
  }

  private func json(_ parts: [(regex: String, behavior: String, invert: Bool)]) throws -> Tokenizer {
    var members = try JSONValue(parsing: TokenizerGoldens.bytes("splitting.tokenizer.json")).members ?? []
    let steps = parts.map { part -> JSONValue in
      [
        "type": "Split", "pattern": ["Regex": .string(part.regex)], "behavior": .string(part.behavior),
        "invert": .bool(part.invert),
      ]
    }
    let bytes: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": .bool(false), "use_regex": .bool(false),
    ]
    members.removeAll { $0.key == "pre_tokenizer" }
    members.append(
      .init("pre_tokenizer", ["type": "Sequence", "pretokenizers": .array(steps + [bytes])]))
    return try Tokenizer(json: Array(JSONValue.object(members).compactText.utf8), file: "t")
  }

  @Test func `every pattern and every name cuts as its reference does`() throws {
    let (goldens, folder) = (try Goldens(), try TemporaryFolder())
    try #require(goldens.names.count > 30)
    for (place, name) in goldens.names.enumerated() {
      let tokenizer = try tokenizer(name, goldens.regexes(name), folder)
      let special = goldens.special(name)
      // Those in which it differs from its nearest relative, and a part of the others.
      for (index, tokens) in try goldens.tokens(name).enumerated()
      where special.contains(index) || index % 6 == place % 6 {
        let text = goldens.texts[index]
        #expect(tokenizer.encode(text).tokens == tokens, "\(name): \(text.debugDescription)")
      }
    }
  }

  /// What lies between matches is removed there; where nothing does, the two forms are one.
  @Test func `matches kept and the rest removed are the same where there is no rest`() throws {
    let goldens = try Goldens()
    for name in ["o200k.json", "cl100k.json"] {
      let tokenizer = try json((goldens.regexes(name) ?? []).map { ($0, "Removed", true) })
      for (text, tokens) in zip(goldens.texts, try goldens.tokens(name)).prefix(40) {
        #expect(tokenizer.encode(text).tokens == tokens, "\(name): \(text.debugDescription)")
      }
    }
    for regex in [#"\p{L}+|\p{N}+"#, #"\p{L}*|[\p{L}\P{L}]"#, #"[\p{L}\P{L}](?!a)"#, #"(?:a\s|\S)"#] {
      #expect(throws: TokenizerError.self) { try json([(regex, "Removed", true)]) }
    }
  }

  @Test(arguments: [
    (#"a+?"#, "lazy repetition"), (#"(?<=a)b"#, "(?"), (#"(?P<x>a)"#, "(?"), (#"\p{Han}+"#, #"\p{Han}"#),
    (#"^a"#, "^"),
    (#"a.b"#, "."), (#"\w+"#, #"\w"#), (#"(a"#, "("), (#"a)"#, ")"), (#"[a"#, "["),
    (#"a**"#, "repetition of a repetition"),
    (#"a{3,2}"#, "{"), (#"(?:ab)++"#, "a possessive group"), (#"[[a]b]"#, "[ in a set"), (#"\"#, #"\"#),
    ("(?:(?:a{1,2}){1,1000}b){1,1000}", "a pattern this long"),
    (String(repeating: "(", count: 40), "nesting"), ("(?i:[a-z])", "a range where case is ignored"),
  ])
  func `a construct that is not matched is refused`(_ regex: String, _ construct: String) {
    #expect(throws: TokenizerError.unsupportedPattern(regex, construct: construct, file: "t")) {
      try json([(regex, "Isolated", false)])
    }
  }

  /// By hand, as a backtracking matcher takes them.
  @Test(arguments: [
    ("(?:a|ab)(?:c|bcd)", "xabcdx", [1, 5, 6]), ("a{2,3}", "aaaaaaa", [3, 6, 7]),
    ("(?:ab)*c", "ababcab", [5, 7]),
    ("a(?=b)", "aab", [1, 2, 3]), ("a(?!b)", "aab", [1, 3]), ("(?=b)", "abb", [1, 2, 3]),
    ("a+a", "aaab", [3, 4]),
    ("a?+a", "aab", [2, 3]), ("(?:a*)*b", "aaac", [4]), (#"[^\sa]+"#, "bc a\u{3000}d", [2, 7, 8]),
    ("(?i:ſ|s)", "Sſ", [1, 3]),
    ("(?i:s)", "Sſs", [1, 3, 4]), (#"\d+$"#, "1a23", [2, 4]), (#"[a\-z]+"#, "a-zb", [3, 4]),
    ("[]a]+", "b]a", [1, 3]),
    (#"[\p{L}&&[^a-z]]+"#, "aÉBc", [1, 4, 5]), ("(?:a|b|)c", "xc", [1, 2]), ("é{2}", "aééé", [1, 5, 7]),
  ])
  func `a pattern cuts where a matcher does`(_ regex: String, _ text: String, _ ends: [Int]) throws {
    let pattern = try SplittingRegex(regex, .tokenizers)
    let utf8 = Array(text.utf8)
    var found: [Int] = []
    while (found.last ?? 0) < utf8.count {
      found.append(pattern.pieceEnd(in: utf8.span, from: found.last ?? 0, to: utf8.count))
    }
    #expect(found == ends)
  }

  /// Exponential time would be ages.
  @Test func `no text takes more steps than program times length`() throws {
    let pattern = try SplittingRegex("(?:(?:a|aa)*a*)*b", .tokenizers)
    let text = [UInt8](repeating: 0x61, count: 100)
    #expect(pattern.pieceEnd(in: text.span, from: 0, to: text.count) == 100)
  }
}
