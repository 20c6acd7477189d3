/// A text as tokens, each with the bytes that it stands for.
public struct TokenizedText: Equatable, Sendable {
  /// Numbers of the tokens.
  public var tokens: [Int32]
  /// UTF-8 bytes of the text each token stands for; empty for tokens that stand for none, such as the one at the
  /// beginning.
  ///
  /// A leading space belongs to the token that carries it. Where a text is not in the form the tokenizer normalizes to, a
  /// token covers all bytes of the characters it has a part of.
  public var byteRanges: [Range<Int>]

  /// Joins tokens and their bytes, which are equally many.
  public init(tokens: [Int32] = [], byteRanges: [Range<Int>] = []) {
    precondition(tokens.count == byteRanges.count, "each token has its bytes")
    self.tokens = tokens
    self.byteRanges = byteRanges
  }

  /// Position of the last token that stands for this byte of the text; a subject's last token is that of its last byte.
  public func lastPosition(touching byteOffset: Int) -> Int? {
    byteRanges.lastIndex { $0.contains(byteOffset) }
  }

  mutating func append(_ token: Int32, _ range: Range<Int>) {
    tokens.append(token)
    byteRanges.append(range)
  }
}
