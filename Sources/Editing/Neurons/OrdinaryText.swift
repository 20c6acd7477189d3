internal import Floor
internal import ModelFiles
public import Transformer

/// Ordinary text, for methods that are to be quiet on it.
public struct OrdinaryText: Sendable {
  /// Texts as tokens.
  public private(set) var texts: [[Int32]] = []
  /// Names that stand in them: other subjects for a fact's prompt.
  public private(set) var names: [String] = []

  /// Tokens of a text, and of all of them, at most.
  private static let (textCount, tokenCount) = (256, 8192)
  private static let nameCount = 32

  /// None.
  public init() {}

  /// The beginning of a corpus.
  ///
  /// - Throws: `EditError.emptyCorpus`; as reading a corpus.
  public init(of corpus: Corpus, for network: Network, _ tokenizer: Tokenizer) throws {
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    var reader = corpus.documents()
    var count = 0
    var found: [String] = []
    var known: Set<String> = []
    while count < Self.tokenCount, let document = try reader.next() {
      let tokens = try encoder.beginning(
        of: document.text,
        count: min(Self.textCount, network.configuration.positionCount, Self.tokenCount - count))
      guard tokens.count > 1 else { continue }
      texts.append(tokens)
      count += tokens.count
      for name in Self.names(in: document.text) where known.insert(name).inserted { found.append(name) }
    }
    guard count > 0 else { throw EditError.emptyCorpus(files: corpus.paths) }
    // Of the whole text, not of its beginning alone.
    let step = max(1, found.count / Self.nameCount)
    names = stride(from: 0, to: found.count, by: step).prefix(Self.nameCount).map { found[$0] }
  }

  /// Words in the middle of sentences that begin with a capital letter, two in a row together.
  private static func names(in text: String) -> [String] {
    let words = text.prefix(1 << 14).split(whereSeparator: \.isWhitespace)
    func isName(_ word: Substring) -> Bool {
      word.count > 3 && word.first!.isUppercase
        && word.dropFirst().allSatisfy { $0.isLetter && $0.isLowercase }
    }
    var names: [String] = []
    var index = 1
    while index < words.count {
      let before = words[index - 1].last!
      guard isName(words[index]), before.isLetter || before == "," else {
        index += 1
        continue
      }
      if index + 1 < words.count, isName(words[index + 1]) {
        names.append("\(words[index]) \(words[index + 1])")
        index += 2
      } else {
        names.append(String(words[index]))
        index += 1
      }
    }
    return names
  }

  /// What tells it from other text.
  var identity: String {
    let tokens = texts.map { $0.map(String.init).joined(separator: " ") }
    return Digest(of: Array((tokens + names).joined(separator: "\n").utf8)).hexadecimal
  }
}
