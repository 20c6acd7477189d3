/// Scripts that put no space between words.
enum WritingSystem {
  /// Blocks of such scripts, with their punctuation and the wide forms of ASCII: Thai, Lao, Tibetan, Myanmar, Khmer, Tai, Balinese,
  /// Javanese; Chinese characters, Kana, Bopomofo, Yi, Tangut, Nüshu. Hangul puts spaces.
  ///
  /// - Source: Unicode 16, Blocks.txt; UAX #14, classes SA, ID and CJ.
  private static let unspaced: [ClosedRange<UInt32>] = [
    0x0E00...0x109F, 0x1361...0x1361, 0x1780...0x17FF, 0x1950...0x19FF, 0x1A20...0x1AAF, 0x1B00...0x1B7F,
    0x2E80...0x30FF, 0x3100...0x312F, 0x3190...0x4DBF, 0x4E00...0xA4CF, 0xA980...0xA9FF, 0xAA60...0xAADF,
    0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF01...0xFF9F, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
    0x20000...0x3FFFF,
  ]

  static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x0E00 && unspaced.contains { $0.contains(scalar.value) }
  }

  /// Whether there is a space between two characters of which one at least is of such a script; `nil` where none is.
  ///
  /// Where only one is, what the prompt is written in decides: 「東京」は Tokyo, but "The word for Tokyo is 東京". Punctuation of
  /// such scripts never takes a space.
  static func hasSpace(
    between last: Unicode.Scalar, and first: Unicode.Scalar, in prompt: [Unicode.Scalar]
  ) -> Bool? {
    let sides = [last, first].filter(isUnspaced)
    if sides.isEmpty { return nil }
    if sides.count == 2 || sides.contains(where: { !$0.properties.isAlphabetic }) { return false }
    let letters = prompt.filter(\.properties.isAlphabetic)
    return 2 * letters.count(where: isUnspaced) < letters.count
  }
}

extension TextJoin {
  /// Whether a character is of a script that puts spaces between words.
  public static func putsSpaces(_ scalar: Unicode.Scalar) -> Bool { !WritingSystem.isUnspaced(scalar) }
}
