@_spi(_Unicode) private import Swift

/// What is done to a text before it is split.
struct TextNormalization: Sendable {
  /// To Unicode's composed form, NFC.
  var composes = false
  /// Spaces to `▁`; the encoder reads them so, nothing is copied.
  var marksSpaces = false

  /// The composed form, and where it comes from; `nil` if that is the text itself.
  func compose(_ text: Span<UInt8>, _ range: Range<Int>) -> ([UInt8], TextOrigin)? {
    guard let first = firstChange(text, range) else { return nil }
    var composed = text.copy(range.lowerBound..<first)
    var starts = Array(range.lowerBound..<first)
    var ends = Array(range.lowerBound + 1..<first + 1)
    var start = first
    while start < range.upperBound {
      let end = Self.segmentEnd(text, start, range.upperBound)
      if let changed = Self.changed(text, start..<end) {
        starts += repeatElement(start, count: changed.count)
        ends += repeatElement(end, count: changed.count)
        composed += changed
      } else {
        starts += start..<end
        ends += start + 1..<end + 1
        composed += text.copy(start..<end)
      }
      start = end
    }
    return (composed, TextOrigin(starts: starts, ends: ends, end: range.upperBound))
  }

  /// Where the first segment begins that is not composed.
  private func firstChange(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var start = range.lowerBound
    while start < range.upperBound {
      // Most of most texts: two ASCII characters, of which the first cannot be part of anything.
      if start + 1 < range.upperBound, text[start] < 0x80, text[start + 1] < 0x80 {
        start += 1
        continue
      }
      let end = Self.segmentEnd(text, start, range.upperBound)
      if Self.changed(text, start..<end) != nil { return start }
      start = end
    }
    return nil
  }

  /// A character and all that might combine with it; nothing combines across such a boundary.
  private static func segmentEnd(_ text: Span<UInt8>, _ start: Int, _ limit: Int) -> Int {
    var end = start + text.scalar(at: start).length
    // No character below U+0300 combines with one before it.
    while end < limit, text[end] >= 0xCC, mayCombine(text, end) { end += text.scalar(at: end).length }
    return end
  }

  /// The composed form of a segment, if that is another.
  private static func changed(_ text: Span<UInt8>, _ segment: Range<Int>) -> [UInt8]? {
    let (value, length) = text.scalar(at: segment.lowerBound)
    guard length < segment.count || mayChange(value) else { return nil }
    let bytes = text.copy(segment)
    var result: [UInt8] = []
    for scalar in String(decoding: bytes, as: UTF8.self)._nfc { result += UTF8.encode(scalar) ?? .init() }
    return result == bytes ? nil : result
  }

  /// Marks, vowels and finals of Hangul, and the vowel signs of Kirat Rai, which are letters.
  private static func mayCombine(_ text: Span<UInt8>, _ position: Int) -> Bool {
    switch text.scalar(at: position).value {
    case 0x1160...0x11FF, 0xD7B0...0xD7FF, 0x16D63...0x16D6A: true
    default: CharacterClasses(.tokenizers).at(position, in: text).0.contains(.mark)
    }
  }

  /// Where the characters are that are not composed even when they stand alone (Full_Composition_Exclusion).
  static func mayChange(_ value: UInt32) -> Bool {
    switch value {
    case 0..<0x340: false
    case 0x340...0x387, 0x958...0x95F, 0x9DC...0x9DF, 0xA33...0xA36, 0xA59...0xA5E, 0xB5C...0xB5D,
      0xF43...0xFB9,
      0x1F71...0x2001, 0x2126...0x212B, 0x2329...0x232A, 0x2ADC, 0xF900...0xFB4F, 0x1D15E...0x1D1C0,
      0x2F800...0x2FA1F:
      true
    default: false
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
