public import ModelFiles

/// How a memory reads texts: `Formats/memory.md`, *Texts*.
public enum MemoryText {
  /// Words of one phrase at most; a longer subject is found by its first words and then compared.
  public static let phraseLimit = 32

  /// Runs of letters, marks and numbers, in lower case; a character of a script without spaces is a word of its own.
  public static func words(_ text: some StringProtocol) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func end() {
      if !word.isEmpty { words.append(String(word)) }
      word = String.UnicodeScalarView()
    }
    for scalar in text.unicodeScalars {
      guard scalar.isASCII ? scalar.isASCIIWordPart : scalar.isWordPart else {
        end()
        continue
      }
      if scalar.isASCII {
        word.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar)
      } else if isUnspaced(scalar) {
        end()
        word.append(scalar)
        end()
      } else {
        word.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    end()
    return words
  }

  /// The words with one space between.
  public static func normalized(_ text: some StringProtocol) -> String { words(text).joined(separator: " ") }

  /// A prompt as a route compares it: the words with one space between; for `near` without what stands from the first `<` to the last `>`,
  /// which names what the note is not about.
  public static func key(_ prompt: String, for route: MemoryRoute) -> String {
    guard case .near = route, let open = prompt.firstIndex(of: "<"), let close = prompt.lastIndex(of: ">"),
      open < close
    else { return normalized(prompt) }
    return normalized(prompt[..<open] + " " + prompt[prompt.index(after: close)...])
  }

  /// FNV-1a of 64 bits over the words with one space between.
  public static func hash(_ words: some Sequence<String>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var isFirst = true
    for word in words {
      if !isFirst { take(UInt8(ascii: " ")) }
      isFirst = false
      for byte in word.utf8 { take(byte) }
    }
    return hash
  }

  /// What a prompt asks: the text behind its last end of a sentence, so that what it tells before is not taken for it.
  ///
  /// A sentence ends at a line end, and at . ! ? before a space, or the same of other scripts; a period behind a word that begins with a
  /// capital letter and has at most three letters ends none: it may be an initial, or "St.".
  public static func question(of prompt: String) -> Substring {
    let scalars = prompt.unicodeScalars
    var end = scalars.endIndex
    while end > scalars.startIndex, scalars[scalars.index(before: end)].properties.isWhitespace {
      end = scalars.index(before: end)
    }
    guard end > scalars.startIndex else { return Substring(prompt) }
    var place = scalars.index(before: end)
    while place > scalars.startIndex {
      let next = place
      place = scalars.index(before: place)
      let scalar = scalars[place]
      let isEnd: Bool
      switch scalar {
      case "\n", "\r", "。", "！", "？", "।": isEnd = true
      case "!", "?": isEnd = scalars[next].properties.isWhitespace
      case ".": isEnd = scalars[next].properties.isWhitespace && endsSentence(scalars[..<place])
      default: isEnd = false
      }
      if isEnd { return Substring(scalars[next...]) }
    }
    return Substring(prompt)
  }

  /// The question without white space at its ends: what a model's states are taken of.
  public static func bareQuestion(of prompt: String) -> String {
    var scalars = question(of: prompt).unicodeScalars
    while scalars.first?.properties.isWhitespace ?? false { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace ?? false { scalars.removeLast() }
    return String(scalars)
  }

  private static func endsSentence(_ before: Substring.UnicodeScalarView) -> Bool {
    let word = Array(before.reversed().prefix { $0.isWordPart }.reversed())
    guard let first = word.first else { return true }
    return !first.properties.isUppercase || word.count > 3
  }

  /// 256 bits, one set for each pair of neighboring characters: a change of one character changes four of them at most.
  public static func shape(_ normalized: some StringProtocol) -> [UInt64] {
    var shape = [UInt64](repeating: 0, count: 4)
    var last: UInt32 = 0
    for scalar in normalized.unicodeScalars {
      let pair = (UInt64(last) << 32 | UInt64(scalar.value)) &* 0x9E37_79B9_7F4A_7C15
      let bit = Int(pair >> 56)
      shape[bit / 64] |= 1 << UInt64(bit % 64)
      last = scalar.value
    }
    return shape
  }

  /// Insertions, deletions and replacements of a character that lead from one text to the other; `nil` beyond a limit.
  public static func distance(_ one: [UInt32], _ other: [UInt32], limit: Int) -> Int? {
    guard abs(one.count - other.count) <= limit else { return nil }
    var row = Array(0...other.count)
    for i in 0..<one.count {
      // Only the band around the diagonal can stay within the limit.
      let range = max(0, i - limit)..<min(other.count, i + limit + 1)
      var diagonal = row[range.lowerBound]
      row[range.lowerBound] = range.lowerBound == 0 ? i + 1 : limit + 1
      var least = row[range.lowerBound]
      for j in range {
        let above = j == i + limit ? limit + 1 : row[j + 1]
        let next = min(diagonal + (one[i] == other[j] ? 0 : 1), above + 1, row[j] + 1)
        diagonal = row[j + 1]
        row[j + 1] = next
        least = min(least, next)
      }
      if least > limit { return nil }
    }
    return row[other.count] <= limit ? row[other.count] : nil
  }

  /// Blocks of scripts that put no space between words: Thai to Myanmar, Khmer, Kana, Chinese characters, Yi.
  private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0E00...0x109F, 0x1780...0x17FF, 0x2E80...0x312F, 0x3190...0xA4CF, 0xF900...0xFAFF,
      0x20000...0x3FFFF:
      true
    default: false
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isASCIIWordPart: Bool {
    switch value {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }

  /// A letter, a mark or a number.
  fileprivate var isWordPart: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
      .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
      true
    default: false
    }
  }
}
