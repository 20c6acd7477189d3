/// The model proper: one word, cut off by the splitting before it, to tokens.
struct WordEncoder: Sendable {
  /// What a word is made of before anything is merged.
  enum Alphabet: Sendable {
    /// Bytes; the token of each, or -1.
    case bytes([Int32])
    /// Characters, found in the vocabulary; a space is read as `▁` if `marksSpaces`.
    case characters(marksSpaces: Bool)
  }

  let vocabulary: Vocabulary
  let merges: MergeTable
  let alphabet: Alphabet
  /// A word that is a token as a whole is that token, whatever merging would give.
  var ignoresMerges = false
  /// What stands for a character that is in no token.
  var unknown: Int32?
  /// Whether neighbors that are unknown are one unknown token.
  var fusesUnknown = false
  /// Tokens that stand for single bytes of characters that are in no token, or -1; `nil` where there is no such fallback.
  var fallback: [Int32]?
  /// Characters that occur within tokens without being tokens, under numbers above all tokens'. What is left of them
  /// after merging falls back to bytes.
  var partialCharacters: [UInt32: Int32]?

  /// Stands for a character that no token contains.
  static let nothing = Int32.max

  /// Encodes a word; ranges count from its beginning.
  func encode(_ text: Span<UInt8>, _ word: Range<Int>, _ merger: inout BytePairMerger) -> [BytePairMerger
    .Symbol]
  {
    if ignoresMerges, let whole = vocabulary.token(text.extracting(word)) {
      return [BytePairMerger.Symbol(token: whole, start: 0, end: word.count)]
    }
    merger.symbols.removeAll(keepingCapacity: true)
    switch alphabet {
    case .bytes(let tokens): fill(&merger.symbols, tokens, text, word)
    case .characters(let marksSpaces): fill(&merger.symbols, marksSpaces: marksSpaces, text, word)
    }
    merger.merge(merges)
    if partialCharacters != nil { fallBack(&merger.symbols, text, word) }
    return merger.symbols
  }

  private func fill(
    _ symbols: inout [BytePairMerger.Symbol], _ tokens: [Int32], _ text: Span<UInt8>, _ word: Range<Int>
  ) {
    var unknowns = Unknowns(unknown, fuses: fusesUnknown)
    for position in word {
      let token = tokens[Int(text[position])]
      let start = position - word.lowerBound
      if token >= 0 {
        unknowns.flush(into: &symbols)
        symbols.append(BytePairMerger.Symbol(token: token, start: start, end: start + 1))
      } else {
        unknowns.add(start..<start + 1, into: &symbols)
      }
    }
    unknowns.flush(into: &symbols)
  }

  private func fill(
    _ symbols: inout [BytePairMerger.Symbol], marksSpaces: Bool, _ text: Span<UInt8>, _ word: Range<Int>
  ) {
    var unknowns = Unknowns(unknown, fuses: fusesUnknown)
    var position = word.lowerBound
    while position < word.upperBound {
      let (value, length) = text.scalar(at: position)
      let isMark = marksSpaces && value == 0x20
      let found =
        isMark
        ? vocabulary.token(Mark.bytes) : vocabulary.token(text.extracting(position..<position + length))
      let start = position - word.lowerBound
      position += length
      if let token = found ?? partialCharacters.map({ $0[isMark ? Mark.scalar : value] ?? Self.nothing }) {
        unknowns.flush(into: &symbols)
        symbols.append(BytePairMerger.Symbol(token: token, start: start, end: start + length))
        continue
      }
      // As in the reference, an unknown character that waits to be fused stays behind bytes that follow it.
      if let bytes = fallbackSymbols(text, word, start..<start + length, isMark: isMark) {
        symbols += bytes
      } else {
        unknowns.add(start..<start + length, into: &symbols)
      }
    }
    unknowns.flush(into: &symbols)
  }

  /// The tokens of a character's bytes, if there is one for each.
  private func fallbackSymbols(
    _ text: Span<UInt8>, _ word: Range<Int>, _ character: Range<Int>, isMark: Bool
  ) -> [BytePairMerger.Symbol]? {
    guard let fallback else { return nil }
    var symbols: [BytePairMerger.Symbol] = []
    if isMark {
      // Three tokens stand for one space; the first has it.
      for byte in Mark.bytes {
        let start = symbols.isEmpty ? character.lowerBound : character.upperBound
        symbols.append(.init(token: fallback[Int(byte)], start: start, end: character.upperBound))
      }
    } else {
      for offset in character {
        let token = fallback[Int(text[word.lowerBound + offset])]
        symbols.append(.init(token: token, start: offset, end: offset + 1))
      }
    }
    return symbols.allSatisfy { $0.token >= 0 } ? symbols : nil
  }

  private func fallBack(
    _ symbols: inout [BytePairMerger.Symbol], _ text: Span<UInt8>, _ word: Range<Int>
  ) {
    guard symbols.contains(where: { Int($0.token) >= vocabulary.tokens.count }) else { return }
    var result: [BytePairMerger.Symbol] = []
    for symbol in symbols {
      guard Int(symbol.token) >= vocabulary.tokens.count else {
        result.append(symbol)
        continue
      }
      let isMark = text[word.lowerBound + symbol.start] == 0x20
      result += fallbackSymbols(text, word, symbol.start..<symbol.end, isMark: isMark) ?? []
    }
    symbols = result
  }
}

/// The unknown token that has been met and may yet grow.
private struct Unknowns {
  private let token: Int32?
  private let fuses: Bool
  private var waiting: BytePairMerger.Symbol?

  init(_ token: Int32?, fuses: Bool) {
    self.token = token
    self.fuses = fuses
  }

  /// Without an unknown token, what is unknown is left out.
  mutating func add(_ range: Range<Int>, into symbols: inout [BytePairMerger.Symbol]) {
    guard let token else { return }
    if fuses, waiting != nil {
      waiting?.end = range.upperBound
    } else {
      flush(into: &symbols)
      waiting = BytePairMerger.Symbol(token: token, start: range.lowerBound, end: range.upperBound)
    }
  }

  mutating func flush(into symbols: inout [BytePairMerger.Symbol]) {
    if let waiting { symbols.append(waiting) }
    waiting = nil
  }
}
