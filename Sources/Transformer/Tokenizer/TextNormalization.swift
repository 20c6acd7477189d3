@_spi(_Unicode) private import Swift

/// What is done to a text before it is split.
struct TextNormalization: Sendable {
  /// To Unicode's composed form, NFC.
  var composes = false
  /// Spaces to `▁`; the encoder reads them so, nothing is copied.
  var marksSpaces = false

  /// The composed form, and where it comes from; `nil` if that is the text itself.
  func compose(
    _ text: Span<UInt8>, _ range: Range<Int>, _ classes: CharacterClasses
  ) -> ([UInt8], TextOrigin)? {
    guard needsComposing(text, range) else { return nil }
    var composed: [UInt8] = []
    var (starts, ends): ([Int], [Int]) = ([], [])
    var start = range.lowerBound
    while start < range.upperBound {
      // A character and all that might combine with it; nothing combines across such a boundary.
      var end = start + text.scalar(at: start).length
      while end < range.upperBound, Self.mayCombine(text.scalar(at: end).value, classes, text, end) {
        end += text.scalar(at: end).length
      }
      let segment = text.copy(start..<end)
      var changed = segment
      if end - start > 1 { changed = Self.composed(segment) }
      if changed == segment {
        starts += start..<end
        ends += start + 1..<end + 1
      } else {
        starts += repeatElement(start, count: changed.count)
        ends += repeatElement(end, count: changed.count)
      }
      composed += changed
      start = end
    }
    return (composed, TextOrigin(starts: starts, ends: ends, end: range.upperBound))
  }

  /// A first look: below U+0300 everything is composed already; beyond, the library compares.
  private func needsComposing(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let first = range.first(where: { text[$0] >= 0xCC }) else { return false }
    // The character before may combine with that one.
    var start = first
    if start > range.lowerBound { start -= 1 }
    while start > range.lowerBound, text[start] & 0xC0 == 0x80 { start -= 1 }
    let rest = text.copy(start..<range.upperBound)
    return Self.composed(rest) != rest
  }

  private static func composed(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self)._nfc { result += UTF8.encode(scalar) ?? .init() }
    return result
  }

  /// Marks, vowels and finals of Hangul, and the vowel signs of Kirat Rai, which are letters.
  private static func mayCombine(
    _ value: UInt32, _ classes: CharacterClasses, _ text: Span<UInt8>, _ position: Int
  ) -> Bool {
    switch value {
    case 0..<0x300: false
    case 0x1160...0x11FF, 0xD7B0...0xD7FF, 0x16D63...0x16D6A: true
    default: classes.at(position, in: text).0.contains(.mark)
    }
  }
}

/// When a text gets a space, or `▁`, that it does not have.
enum PrefixRule: Sendable {
  case none
  /// Every part between added tokens, as part of normalization.
  case beforeNormalized
  /// Every part between added tokens that does not begin with one.
  case unlessSpaced(marksSpaces: Bool)
  /// The same, at the beginning of the text only.
  case firstUnlessSpaced(marksSpaces: Bool)

  func wantsSpace(before text: Span<UInt8>, _ range: Range<Int>, isFirst: Bool) -> Bool {
    guard !range.isEmpty else { return false }
    switch self {
    case .none, .beforeNormalized: return false
    case .unlessSpaced(let marksSpaces): return !isSpaced(text, range, marksSpaces)
    case .firstUnlessSpaced(let marksSpaces): return isFirst && !isSpaced(text, range, marksSpaces)
    }
  }

  private func isSpaced(_ text: Span<UInt8>, _ range: Range<Int>, _ marksSpaces: Bool) -> Bool {
    marksSpaces
      ? Mark.isMarkOrSpace(text, at: range.lowerBound, to: range.upperBound) : text[range.lowerBound] == 0x20
  }

  /// A range with a space before it.
  static func spaced(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    [0x20] + text.copy(range)
  }
}

extension PrefixRule: Equatable {}

/// Where in the text a changed copy of a part of it comes from.
struct TextOrigin: Sendable {
  /// Added to a position in the copy.
  private var shift = 0
  /// Positions before the part are those of bytes that were put in front.
  private var least = 0
  /// For each byte of a composed text, the character it belongs to.
  private var characters: (starts: [Int], ends: [Int], end: Int)?

  init(shift: Int = 0, least: Int = 0) {
    self.shift = shift
    self.least = least
  }

  init(starts: [Int], ends: [Int], end: Int) { characters = (starts, ends, end) }

  /// A copy of a copy.
  func shifted(by shift: Int, least: Int) -> TextOrigin {
    var origin = self
    origin.shift += shift
    origin.least = max(self.least, least)
    return origin
  }

  @inline(__always)
  func range(_ range: Range<Int>) -> Range<Int> {
    let start = max(range.lowerBound + shift, least)
    let end = max(range.upperBound + shift, least)
    guard let characters else { return start..<end }
    guard start < end else {
      let place = start < characters.starts.count ? characters.starts[start] : characters.end
      return place..<place
    }
    return characters.starts[start]..<max(characters.starts[start], characters.ends[end - 1])
  }
}

extension Span<UInt8> {
  func copy(_ range: Range<Int>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      for index in range { buffer[index - range.lowerBound] = self[index] }
      count = range.count
    }
  }
}
