extension Tokenizer {
  /// Tokens of a text that something is to follow: with what a model expects at the beginning, and nothing that ends a text behind it.
  ///
  /// A text that begins with the begin-of-text token itself, as chat templates write it, gets no second one.
  public func encodePrompt(_ text: String) -> TokenizedText { encodePrompt(PromptText(text)) }

  /// The same of a text that may have gone through a chat template.
  public func encodePrompt(_ text: PromptText) -> TokenizedText {
    var encoded = encode(text, addingSpecialTokens: !text.isChat || beginsChats)
    while encoded.tokens.count > 1, let last = encoded.tokens.last, let range = encoded.byteRanges.last,
      range.isEmpty, isSpecial(Int(last))
    {
      encoded.tokens.removeLast()
      encoded.byteRanges.removeLast()
    }
    if let begin = beginToken, encoded.tokens.count > 1, encoded.byteRanges[0].isEmpty,
      !encoded.byteRanges[1].isEmpty, encoded.tokens.prefix(2).allSatisfy({ Int($0) == begin })
    {
      encoded.tokens.removeFirst()
      encoded.byteRanges.removeFirst()
    }
    return encoded
  }

  /// The text that tokens add to a prompt's.
  public func text(of tokens: [Int32], after prompt: [Int32]) -> String {
    let head = decode(prompt.map { Int($0) })
    let whole = decode((prompt + tokens).map { Int($0) })
    // Compared as bytes: characters on both sides of the edge may become one.
    return whole.utf8.starts(with: head.utf8)
      ? String(decoding: whole.utf8.dropFirst(head.utf8.count), as: UTF8.self)
      : decode(tokens.map { Int($0) })
  }
}
