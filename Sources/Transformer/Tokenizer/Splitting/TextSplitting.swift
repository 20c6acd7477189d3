/// How a text is cut into the words that are encoded apart.
enum TextSplitting: Sendable {
  /// By patterns, each cutting what the one before has left.
  case patterns([SplittingPattern])
  /// Before each `▁`.
  case marks
  /// Not at all; but a `▁` may be cut off from characters that come before it in no token, since nothing merges across.
  /// That changes no token and makes words of running text.
  case marksUnlessJoined(SetOfCharacters)

  /// Words of a range of a text, one after another.
  @inline(__always)
  func wordEnd(in text: Span<UInt8>, from start: Int, to end: Int, _ classes: CharacterClasses) -> Int {
    switch self {
    case .patterns(let patterns): patterns[0].pieceEnd(in: text, from: start, to: end, classes)
    case .marks: markedWordEnd(text, start, end) { _ in false }
    case .marksUnlessJoined(let joined): markedWordEnd(text, start, end) { joined.contains($0) }
    }
  }

  /// The cuts of all patterns but the first, applied to what the first has left.
  func rest(of text: Span<UInt8>, _ word: Range<Int>, _ classes: CharacterClasses) -> [Range<Int>]? {
    guard case .patterns(let patterns) = self, patterns.count > 1 else { return nil }
    var words = [word]
    for pattern in patterns.dropFirst() {
      var finer: [Range<Int>] = []
      for word in words {
        var start = word.lowerBound
        while start < word.upperBound {
          let end = pattern.pieceEnd(in: text, from: start, to: word.upperBound, classes)
          finer.append(start..<end)
          start = end
        }
      }
      words = finer
    }
    return words
  }

  @inline(__always)
  private func markedWordEnd(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ isJoined: (UInt32) -> Bool
  ) -> Int {
    var position = start
    while position < end {
      let (value, length) = text.scalar(at: position)
      position += length
      guard position < end, Mark.isMarkOrSpace(text, at: position, to: end) else { continue }
      if !isJoined(value == 0x20 ? Mark.scalar : value) { return position }
    }
    return end
  }
}

/// The characters that stand before a `▁` in some token.
struct SetOfCharacters: Sendable {
  private let characters: Set<UInt32>

  init(before mark: UInt32, in tokens: [[UInt8]?]) {
    var characters: Set<UInt32> = []
    for token in tokens {
      guard let span = token?.span, !span.isEmpty else { continue }
      var (position, last) = (0, UInt32?.none)
      while position < span.count {
        let (value, length) = span.scalar(at: position)
        if value == mark, let last { characters.insert(last) }
        last = value
        position += length
      }
    }
    self.characters = characters
  }

  @inline(__always)
  func contains(_ character: UInt32) -> Bool { characters.contains(character) }
}
