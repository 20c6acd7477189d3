internal import Transformer

extension PromptEncoder {
  /// The first tokens of a document, of which only so much is looked at as they take: a document may have megabytes, and tokens of all of it
  /// would cost fifty times its length.
  ///
  /// Of a longer document the tokens near the cut may differ from those of the whole text; far more of it is read than is used.
  ///
  /// - Parameter count: tokens that are used at most.
  func beginning(of text: String, count: Int) throws(PromptError) -> [Int32] {
    // Text has about four bytes a token; sixteen times as much, and then more, for what has longer ones.
    var limit = 1 << 16 + count * 64
    while true {
      let part = text.utf8.count <= limit ? text : Self.prefix(of: text, limit)
      let tokens = try prompt(part).tokens
      if tokens.count > count || part.utf8.count == text.utf8.count { return Array(tokens.prefix(count)) }
      limit *= 4
    }
  }

  private static func prefix(of text: String, _ limit: Int) -> String {
    // The limit may cut a scalar, which has up to four bytes.
    (0..<4).lazy.compactMap { String(text.utf8.prefix(limit - $0)) }.first ?? text
  }
}
