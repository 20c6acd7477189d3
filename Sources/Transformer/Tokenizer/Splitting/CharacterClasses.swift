/// What the splitting patterns ask of a character: `\p{L}`, `\p{N}`, `\s`, `\p{P}` and their kin.
struct CharacterClass: OptionSet, Sendable {
  let rawValue: UInt16
  static let letter = CharacterClass(rawValue: 1)
  static let number = CharacterClass(rawValue: 2)
  static let space = CharacterClass(rawValue: 4)
  static let punctuation = CharacterClass(rawValue: 8)
  static let mark = CharacterClass(rawValue: 16)
  static let symbol = CharacterClass(rawValue: 32)
  // Parts of the above.
  static let uppercase = CharacterClass(rawValue: 64)
  static let lowercase = CharacterClass(rawValue: 128)
  static let titlecase = CharacterClass(rawValue: 256)
  static let modifier = CharacterClass(rawValue: 512)
  static let otherLetter = CharacterClass(rawValue: 1024)
  static let decimal = CharacterClass(rawValue: 2048)

  /// From the Unicode tables of the Swift library.
  init(_ scalar: Unicode.Scalar) {
    self =
      switch scalar.properties.generalCategory {
      case .uppercaseLetter: [.letter, .uppercase]
      case .lowercaseLetter: [.letter, .lowercase]
      case .titlecaseLetter: [.letter, .titlecase]
      case .modifierLetter: [.letter, .modifier]
      case .otherLetter: [.letter, .otherLetter]
      case .decimalNumber: [.number, .decimal]
      case .letterNumber, .otherNumber: .number
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation:
        .punctuation
      case .nonspacingMark, .spacingMark, .enclosingMark: .mark
      case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: .symbol
      default: []
      }
    if scalar.properties.isWhitespace { insert(.space) }
  }

  init(rawValue: UInt16) { self.rawValue = rawValue }
}

/// The class of each character, looked up: the library's own search takes some fifty times as long.
///
/// Characters that the reference's Unicode tables do not have yet are of no class there, and so here; the Swift library's
/// tables are newer.
struct CharacterClasses: Sendable {
  /// Whose tables count.
  enum Reference: Sendable {
    /// huggingface/tokenizers 0.23, whose regular expressions know Unicode 16.0.
    case tokenizers
    /// llama.cpp, whose `src/unicode-data.cpp` is of Unicode 15.1.
    case llamaCpp
  }

  private let reference: Reference
  /// Classes of U+0000 to U+FFFF.
  private let table: [CharacterClass]
  // Made once, in a few milliseconds each.
  private static let tokenizersTable = makeTable(.tokenizers)
  private static let llamaCppTable = makeTable(.llamaCpp)

  init(_ reference: Reference) {
    self.reference = reference
    table = reference == .tokenizers ? Self.tokenizersTable : Self.llamaCppTable
  }

  private static func makeTable(_ reference: Reference) -> [CharacterClass] {
    (0..<0x10000).map { find(UInt32($0), reference) }
  }

  private static func find(_ value: UInt32, _ reference: Reference) -> CharacterClass {
    let newest = reference == .tokenizers ? (16, 0) : (15, 1)
    guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age <= newest else {
      return []
    }
    return CharacterClass(scalar)
  }

  /// The class of a character.
  func of(_ value: UInt32) -> CharacterClass {
    value < 0x10000 ? table[Int(value)] : Self.find(value, reference)
  }

  /// Class and length of the character at a position of UTF-8 text.
  @inline(__always)
  func at(_ position: Int, in text: Span<UInt8>) -> (CharacterClass, length: Int) {
    let first = text[position]
    if first < 0x80 { return (table[Int(first)], 1) }
    let (value, length) = text.scalar(at: position)
    if value < 0x10000 { return (table[Int(value)], length) }
    return (Self.find(value, reference), length)
  }
}

extension Span<UInt8> {
  /// Number and length of the character at a position; the text is valid UTF-8 and a character begins there.
  @inline(__always)
  func scalar(at position: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(self[position])
    func rest(_ offset: Int) -> UInt32 { UInt32(self[position + offset]) & 0x3F }
    switch first {
    case 0..<0x80: return (first, 1)
    case 0x80..<0xE0: return ((first & 0x1F) << 6 | rest(1), 2)
    case 0xE0..<0xF0: return ((first & 0x0F) << 12 | rest(1) << 6 | rest(2), 3)
    default: return ((first & 0x07) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4)
    }
  }
}
