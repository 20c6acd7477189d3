/// How the contents of tokens become text.
///
/// - Source: huggingface/tokenizers `decoders/`.
struct TokenDecoder: Sendable {
  /// One step, done to all tokens before the next.
  enum Step: Equatable, Sendable {
    /// Replaces a text wherever it occurs.
    case replace([UInt8], [UInt8])
    /// Runs of tokens `<0xE2>` become text if they are UTF-8, else U+FFFD each.
    case byteFallback
    /// Joins all tokens to one.
    case fuse
    /// Takes up to so many of a character from both ends of every token.
    case strip(Unicode.Scalar, start: Int, stop: Int)
    /// `▁` to spaces, but those of the first token away if the encoder puts one there.
    case marks(stripsFirst: Bool)
  }

  /// None where contents are bytes already, as in byte-level vocabularies.
  let steps: [Step]
  /// Whether contents are bytes.
  let isByteLevel: Bool

  func text(of contents: [[UInt8]]) -> String {
    guard !isByteLevel else { return String(decoding: contents.joined(), as: UTF8.self) }
    var tokens = contents
    for step in steps { tokens = Self.apply(step, to: tokens) }
    return String(decoding: tokens.joined(), as: UTF8.self)
  }

  /// What one token stands for, its leading space included.
  func bytes(of content: [UInt8]) -> [UInt8] {
    guard !isByteLevel else { return content }
    if let byte = Self.byte(content) { return [byte] }
    return content.replacing(Mark.bytes, by: [0x20])
  }

  private static func apply(_ step: Step, to tokens: [[UInt8]]) -> [[UInt8]] {
    switch step {
    case .replace(let old, let new): tokens.map { $0.replacing(old, by: new) }
    case .byteFallback: joiningBytes(tokens)
    case .fuse: [Array(tokens.joined())]
    case .strip(let scalar, let start, let stop): tokens.map { strip($0, scalar, start, stop) }
    case .marks(let stripsFirst):
      tokens.enumerated().map { index, token in
        token.replacing(Mark.bytes, by: index == 0 && stripsFirst ? [] : [0x20])
      }
    }
  }

  /// The byte that a content such as `<0x0A>` stands for.
  static func byte(_ content: [UInt8]) -> UInt8? {
    guard content.count == 6, content.starts(with: "<0x".utf8), content.last == UInt8(ascii: ">"),
      content[3] != UInt8(ascii: "-")
    else { return nil }
    return UInt8(String(decoding: content[3..<5], as: UTF8.self), radix: 16)
  }

  private static func joiningBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var waiting: [UInt8] = []
    func flush() {
      if (try? UTF8Span(validating: waiting.span)) != nil {
        result.append(waiting)
      } else {
        result += repeatElement(Array("\u{FFFD}".utf8), count: waiting.count)
      }
      waiting = []
    }
    for token in tokens {
      if let byte = byte(token) {
        waiting.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func strip(_ token: [UInt8], _ scalar: Unicode.Scalar, _ start: Int, _ stop: Int) -> [UInt8]
  {
    let unwanted = Array(String(Character(scalar)).utf8)
    var rest = token[...]
    for _ in 0..<start where rest.starts(with: unwanted) { rest = rest.dropFirst(unwanted.count) }
    for _ in 0..<stop where rest.suffix(unwanted.count) == unwanted[...] {
      rest = rest.dropLast(unwanted.count)
    }
    return Array(rest)
  }
}

extension [UInt8] {
  /// Every occurrence of some bytes, from the left, by others.
  func replacing(_ old: [UInt8], by new: [UInt8]) -> [UInt8] {
    guard !old.isEmpty else { return self }
    var result: [UInt8] = []
    var position = 0
    while position < count {
      if self[position...].starts(with: old) {
        result += new
        position += old.count
      } else {
        result.append(self[position])
        position += 1
      }
    }
    return result
  }
}
