/// `▁` (U+2581), which stands for a space in vocabularies in the manner of SentencePiece.
enum Mark {
  /// Its UTF-8.
  static let bytes: [UInt8] = [0xE2, 0x96, 0x81]
  static let scalar: UInt32 = 0x2581

  /// Whether it stands at a position of a text.
  @inline(__always)
  static func isMark(_ text: Span<UInt8>, at position: Int, to end: Int) -> Bool {
    text[position] == 0xE2 && position + 3 <= end && text[position + 1] == 0x96 && text[position + 2] == 0x81
  }

  /// Whether it, or the space it stands for, stands at a position of a text.
  @inline(__always)
  static func isMarkOrSpace(_ text: Span<UInt8>, at position: Int, to end: Int) -> Bool {
    text[position] == 0x20 || isMark(text, at: position, to: end)
  }
}
