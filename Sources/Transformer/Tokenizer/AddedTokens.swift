/// A token that is found in the text before the text is split into words.
struct AddedToken: Sendable {
  let token: Int32
  /// UTF-8 of what is looked for.
  var content: [UInt8]
  /// Only where no word character stands beside it.
  var isSingleWord = false
  /// Takes the white space before it.
  var stripsLeft = false
  /// Takes the white space after it.
  var stripsRight = false
  /// Looked for in the normalized text.
  var isNormalized = false
  /// Left out of decoded text on request.
  var isSpecial = false
}

/// Finds added tokens in a text.
struct AddedTokens: Sendable {
  /// Which of several matches counts.
  enum Order: Sendable {
    /// The leftmost, and the longest of those.
    ///
    /// - Source: huggingface/tokenizers `tokenizer/added_vocabulary.rs`, `find_matches`.
    case leftmostLongest
    /// The longest anywhere in the text.
    ///
    /// - Source: llama.cpp `src/llama-vocab.cpp`, `tokenizer_st_partition`.
    case longestAnywhere
  }

  /// Part of a text: a token, or text between tokens.
  struct Part {
    let token: Int32?
    let range: Range<Int>
  }

  private let tokens: [AddedToken]
  private let order: Order
  /// Whether `▁` in the text is the same as a space; contents then have spaces only.
  private let foldsMark: Bool
  /// A trie of bytes; node 0 is its root.
  private var children: [[UInt8: Int]] = [[:]]
  /// Which of `tokens` ends at each node.
  private var ends: [Int?] = [nil]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  init(_ tokens: [AddedToken], order: Order, foldsMark: Bool = false) {
    self.order = order
    self.foldsMark = foldsMark
    self.tokens = tokens.filter { !$0.content.isEmpty }
    for (index, token) in self.tokens.enumerated() {
      var node = 0
      for byte in token.content {
        if let child = children[node][byte] {
          node = child
        } else {
          children.append([:])
          ends.append(nil)
          children[node][byte] = children.count - 1
          node = children.count - 1
        }
      }
      ends[node] = index
    }
    for byte in children[0].keys { isFirstByte[Int(byte)] = true }
    if foldsMark, isFirstByte[0x20] { isFirstByte[Int(Mark.bytes[0])] = true }
  }

  var isEmpty: Bool { tokens.isEmpty }

  /// The whole range as parts, in order.
  ///
  /// - Parameter literal: where special tokens are text, ascending.
  func parts(of text: Span<UInt8>, in range: Range<Int>, literal: [Range<Int>] = []) -> [Part] {
    guard !isEmpty else { return [Part(token: nil, range: range)] }
    switch order {
    case .leftmostLongest: return leftmostLongest(text, range, literal)
    case .longestAnywhere: return longestAnywhere(text, range, literal)
    }
  }

  /// Whether a match is a special token in a place where there is none.
  private func isText(_ token: Int, _ range: Range<Int>, _ literal: [Range<Int>]) -> Bool {
    tokens[token].isSpecial && literal.contains { $0.overlaps(range) }
  }

  /// Calls `body` for every added token that begins at a position, shortest first.
  @inline(__always)
  private func matches(_ text: Span<UInt8>, at start: Int, to end: Int, _ body: (Int, Range<Int>) -> Void) {
    guard isFirstByte[Int(text[start])] else { return }
    var (node, position) = (0, start)
    while position < end {
      var (byte, length) = (text[position], 1)
      if foldsMark, Mark.isMark(text, at: position, to: end) { (byte, length) = (0x20, Mark.bytes.count) }
      guard let child = children[node][byte] else { return }
      node = child
      position += length
      if let found = ends[node] { body(found, start..<position) }
    }
  }

  private func leftmostLongest(_ text: Span<UInt8>, _ range: Range<Int>, _ literal: [Range<Int>]) -> [Part] {
    var parts: [Part] = []
    var (position, done) = (range.lowerBound, range.lowerBound)
    while position < range.upperBound {
      var longest: (Int, Range<Int>)?
      matches(text, at: position, to: range.upperBound) {
        if !isText($0, $1, literal) { longest = ($0, $1) }
      }
      guard let (index, found) = longest else {
        position += 1
        continue
      }
      position = found.upperBound
      let token = tokens[index]
      var (start, end) = (found.lowerBound, found.upperBound)
      if token.isSingleWord {
        if start > range.lowerBound, Self.isWord(text.scalar(before: start)) { continue }
        if end < range.upperBound, Self.isWord(text.scalar(at: end).value) { continue }
      }
      if token.stripsLeft {
        while start > range.lowerBound, Self.isSpace(text.scalar(before: start)) {
          start = text.start(before: start)
        }
        start = max(start, done)
      }
      if token.stripsRight {
        while end < range.upperBound, Self.isSpace(text.scalar(at: end).value) {
          end += text.scalar(at: end).length
        }
      }
      if done < start { parts.append(Part(token: nil, range: done..<start)) }
      parts.append(Part(token: token.token, range: start..<max(start, end)))
      done = end
    }
    if done < range.upperBound { parts.append(Part(token: nil, range: done..<range.upperBound)) }
    return parts
  }

  private func longestAnywhere(_ text: Span<UInt8>, _ range: Range<Int>, _ literal: [Range<Int>]) -> [Part] {
    var found: [(index: Int, range: Range<Int>)] = []
    for position in range {
      matches(text, at: position, to: range.upperBound) {
        if !isText($0, $1, literal) { found.append(($0, $1)) }
      }
    }
    found.sort {
      ($1.range.count, $0.index, $0.range.lowerBound) < ($0.range.count, $1.index, $1.range.lowerBound)
    }
    var taken: [(index: Int, range: Range<Int>)] = []
    var isTaken = [Bool](repeating: false, count: found.isEmpty ? 0 : range.count)
    for match in found {
      let place = match.range.lowerBound - range.lowerBound..<match.range.upperBound - range.lowerBound
      guard !isTaken[place].contains(true) else { continue }
      for position in place { isTaken[position] = true }
      taken.append(match)
    }
    taken.sort { $0.range.lowerBound < $1.range.lowerBound }
    var parts: [Part] = []
    var done = range.lowerBound
    for (index, match) in taken {
      if done < match.lowerBound { parts.append(Part(token: nil, range: done..<match.lowerBound)) }
      parts.append(Part(token: tokens[index].token, range: match))
      done = match.upperBound
    }
    if done < range.upperBound { parts.append(Part(token: nil, range: done..<range.upperBound)) }
    return parts
  }

  private static func isSpace(_ value: UInt32) -> Bool {
    Unicode.Scalar(value)?.properties.isWhitespace ?? false
  }

  /// `\w` of Unicode's regular expressions (UTS #18, annex C).
  static func isWord(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }
}

extension Span<UInt8> {
  /// Where the character before a position begins.
  func start(before position: Int) -> Int {
    var start = position - 1
    while self[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  fileprivate func scalar(before position: Int) -> UInt32 { scalar(at: start(before: position)).value }
}
