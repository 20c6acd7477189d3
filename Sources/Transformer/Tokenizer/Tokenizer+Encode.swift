extension Tokenizer {
  /// Encodes a text that is valid UTF-8.
  func encode(
    _ text: Span<UInt8>, _ addsSpecialTokens: Bool, literal: [Range<Int>] = [],
    _ scratch: inout EncodingScratch
  ) -> TokenizedText {
    var result = TokenizedText()
    if addsSpecialTokens { for token in beginning { result.append(token, 0..<0) } }
    for part in addedTokens.parts(of: text, in: text.indices, literal: literal) {
      if let token = part.token {
        result.append(token, part.range)
      } else if !part.range.isEmpty {
        encodeRaw(text, part.range, &result, &scratch)
      }
    }
    if addsSpecialTokens { for token in ending { result.append(token, text.count..<text.count) } }
    return result
  }

  /// A part of the text between added tokens: to the normal form.
  private func encodeRaw(
    _ text: Span<UInt8>, _ range: Range<Int>, _ result: inout TokenizedText, _ scratch: inout EncodingScratch
  ) {
    if normalization.composes, let (composed, origin) = normalization.compose(text, range) {
      encodeNormalized(composed.span, composed.indices, origin, &result, &scratch)
    } else if prefix == .beforeNormalized {
      let prefixed = PrefixRule.spaced(text, range)
      let origin = TextOrigin(shift: range.lowerBound - 1, least: range.lowerBound)
      encodeNormalized(prefixed.span, prefixed.indices, origin, &result, &scratch)
    } else {
      encodeNormalized(text, range, TextOrigin(), &result, &scratch)
    }
  }

  /// Text in its normal form: to the added tokens in it and the text between them.
  private func encodeNormalized(
    _ text: Span<UInt8>, _ range: Range<Int>, _ origin: TextOrigin, _ result: inout TokenizedText,
    _ scratch: inout EncodingScratch
  ) {
    for part in normalizedTokens.parts(of: text, in: range) {
      if let token = part.token {
        result.append(token, origin.range(part.range))
      } else if prefix.wantsSpace(before: text, part.range, isFirst: origin.range(part.range).lowerBound == 0)
      {
        let prefixed = PrefixRule.spaced(text, part.range)
        let origin = origin.shifted(by: part.range.lowerBound - 1, least: part.range.lowerBound)
        encodeWords(prefixed.span, prefixed.indices, origin, &result, &scratch)
      } else {
        encodeWords(text, part.range, origin, &result, &scratch)
      }
    }
  }

  private func encodeWords(
    _ text: Span<UInt8>, _ range: Range<Int>, _ origin: TextOrigin, _ result: inout TokenizedText,
    _ scratch: inout EncodingScratch
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = splitting.wordEnd(in: text, from: start, to: range.upperBound, classes)
      if let words = splitting.rest(of: text, start..<end, classes) {
        for word in words { encodeWord(text, word, origin, &result, &scratch) }
      } else {
        encodeWord(text, start..<end, origin, &result, &scratch)
      }
      start = end
    }
  }

  @inline(__always)
  private func encodeWord(
    _ text: Span<UInt8>, _ word: Range<Int>, _ origin: TextOrigin, _ result: inout TokenizedText,
    _ scratch: inout EncodingScratch
  ) {
    guard word.count <= WordCache.wordLimit else {
      for symbol in encoder.encode(text, word, &scratch.merger) {
        result.append(
          symbol.token, origin.range(word.lowerBound + symbol.start..<word.lowerBound + symbol.end))
      }
      return
    }
    let hash = WordCache.hash(text, word)
    if let known = scratch.cache.find(text, word, hash: hash) {
      for index in known { append(scratch.cache.pieces[index], word, origin, &result) }
      return
    }
    scratch.pieces.removeAll(keepingCapacity: true)
    for symbol in encoder.encode(text, word, &scratch.merger) {
      scratch.pieces.append(
        WordCache.Piece(token: symbol.token, start: UInt16(symbol.start), end: UInt16(symbol.end)))
    }
    for piece in scratch.pieces { append(piece, word, origin, &result) }
    scratch.cache.insert(text, word, hash: hash, scratch.pieces)
  }

  @inline(__always)
  private func append(
    _ piece: WordCache.Piece, _ word: Range<Int>, _ origin: TextOrigin, _ result: inout TokenizedText
  ) {
    result.append(
      piece.token, origin.range(word.lowerBound + Int(piece.start)..<word.lowerBound + Int(piece.end)))
  }
}
