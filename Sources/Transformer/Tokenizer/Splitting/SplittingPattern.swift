/// One way to cut a text into the pieces that are encoded apart: a regular expression of which every match is a piece, and what lies between
/// two matches.
///
/// The commonest are written out by hand, tried alternative by alternative as a backtracking matcher would, since that is many times as
/// fast; the others go through `SplittingRegex`.
enum SplittingPattern: Sendable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  ///
  /// - Source: openai/gpt-2 `src/encoder.py`.
  case gpt2
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  /// with up to `digits` digits in a piece.
  ///
  /// `foldsLongS`: whether `ſ` is an `s` where case is ignored. It is in the tokenizers library and not in llama.cpp.
  ///
  /// - Source: `tokenizer.json` of Llama 3 (three digits) and Qwen2 (one).
  case llama3(digits: Int, foldsLongS: Bool)
  /// Each `\p{N}` apart.
  case singleNumbers
  /// Runs of `\p{N}`.
  case numberRuns
  /// Runs of `\p{P}` and of some ASCII symbols.
  case punctuationRuns
  /// `[0-9][0-9][0-9]`
  case threeDigits
  /// No cut.
  case everything
  case regex(SplittingRegex)

  /// A pattern, as the reference matches it.
  ///
  /// - Throws: `RegexError` for a construct that is not read.
  init(regex: String, _ reference: CharacterClasses.Reference) throws(RegexError) {
    let rest = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    let words = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"#
    let foldsLongS = reference == .tokenizers
    switch regex {
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: self = .gpt2
    case words + #"|\p{N}{1,3}"# + rest: self = .llama3(digits: 3, foldsLongS: foldsLongS)
    case words + #"|\p{N}"# + rest: self = .llama3(digits: 1, foldsLongS: foldsLongS)
    case #"\p{N}"#: self = .singleNumbers
    case #"\p{N}+"#: self = .numberRuns
    case #"[\p{P}\$\+<=>\^~\|]+"#: self = .punctuationRuns
    case "[0-9][0-9][0-9]": self = .threeDigits
    default: self = .regex(try SplittingRegex(regex, reference))
    }
  }

  /// Whether every character of every text is in some match, so that nothing lies between two.
  var coversEverything: Bool {
    switch self {
    case .gpt2, .llama3, .everything: true
    case .singleNumbers, .numberRuns, .punctuationRuns, .threeDigits: false
    case .regex(let regex): regex.coversEverything
    }
  }

  /// Where the piece that begins at `start` ends.
  @inline(__always)
  func pieceEnd(in text: Span<UInt8>, from start: Int, to end: Int, _ classes: CharacterClasses) -> Int {
    let scan = PatternScan(end: end, classes: classes)
    return switch self {
    case .gpt2: scan.gpt2(text, start)
    case .llama3(let digits, let foldsLongS): scan.llama3(text, start, digits: digits, foldsLongS: foldsLongS)
    case .singleNumbers:
      scan.has(text, .number, at: start)
        ? start + scan.length(text, at: start) : scan.run(text, from: start) { !$0.contains(.number) }
    case .numberRuns:
      scan.has(text, .number, at: start)
        ? scan.run(text, from: start) { $0.contains(.number) }
        : scan.run(text, from: start) { !$0.contains(.number) }
    case .punctuationRuns: scan.punctuationRun(text, start)
    case .threeDigits: scan.threeDigits(text, start)
    case .everything: end
    case .regex(let regex): regex.pieceEnd(in: text, from: start, to: end)
    }
  }
}

/// The end of what may be looked at, and the matching of single alternatives.
private struct PatternScan {
  let end: Int
  let classes: CharacterClasses

  @inline(__always)
  func has(_ text: Span<UInt8>, _ wanted: CharacterClass, at position: Int) -> Bool {
    position < end && classes.at(position, in: text).0.contains(wanted)
  }

  @inline(__always)
  func length(_ text: Span<UInt8>, at position: Int) -> Int { classes.at(position, in: text).length }

  /// Neither white space nor letter nor number.
  @inline(__always)
  private func isOther(_ found: CharacterClass) -> Bool {
    found.isDisjoint(with: [.letter, .number, .space])
  }

  @inline(__always)
  func run(_ text: Span<UInt8>, from start: Int, while holds: (CharacterClass) -> Bool) -> Int {
    var position = start
    while position < end {
      let (found, length) = classes.at(position, in: text)
      guard holds(found) else { break }
      position += length
    }
    return position
  }

  @inline(__always)
  func gpt2(_ text: Span<UInt8>, _ start: Int) -> Int {
    let byte = text[start]
    if byte == UInt8(ascii: "'"), let end = contraction(text, start, foldsCase: false, foldsLongS: false) {
      return end
    }
    var body = start
    if byte == UInt8(ascii: " "), start + 1 < end { body += 1 }
    let found = classes.at(body, in: text).0
    if found.contains(.letter) { return run(text, from: body) { $0.contains(.letter) } }
    if found.contains(.number) { return run(text, from: body) { $0.contains(.number) } }
    if isOther(found) { return run(text, from: body) { isOther($0) } }
    return spaces(text, start)
  }

  @inline(__always)
  func llama3(_ text: Span<UInt8>, _ start: Int, digits: Int, foldsLongS: Bool) -> Int {
    let byte = text[start]
    if byte == UInt8(ascii: "'"), let end = contraction(text, start, foldsCase: true, foldsLongS: foldsLongS)
    {
      return end
    }
    let (found, length) = classes.at(start, in: text)
    if found.contains(.letter) { return run(text, from: start) { $0.contains(.letter) } }
    if found.contains(.number) {
      var position = start
      for _ in 0..<digits where has(text, .number, at: position) {
        position += self.length(text, at: position)
      }
      return position
    }
    if byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r"), has(text, .letter, at: start + length) {
      return run(text, from: start + length) { $0.contains(.letter) }
    }
    var body = start
    if byte == UInt8(ascii: " "), start + 1 < end { body += 1 }
    if isOther(classes.at(body, in: text).0) {
      var position = run(text, from: body) { isOther($0) }
      while position < end, isLineEnd(text, position) { position += 1 }
      return position
    }
    // `\s*[\r\n]+`: up to the last line end of the run.
    let after = run(text, from: start) { $0.contains(.space) }
    var position = after
    while position > start {
      if isLineEnd(text, position - 1) { return position }
      position -= 1
    }
    return spaces(text, start)
  }

  @inline(__always)
  private func isLineEnd(_ text: Span<UInt8>, _ position: Int) -> Bool {
    text[position] == UInt8(ascii: "\n") || text[position] == UInt8(ascii: "\r")
  }

  /// `\s+(?!\S)|\s+`: a run of white space leaves its last character to what follows, unless it is the only one.
  private func spaces(_ text: Span<UInt8>, _ start: Int) -> Int {
    var (position, last) = (start, start)
    while position < end {
      let (found, length) = classes.at(position, in: text)
      guard found.contains(.space) else { break }
      last = position
      position += length
    }
    return position == end || last == start ? position : last
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`
  private func contraction(_ text: Span<UInt8>, _ start: Int, foldsCase: Bool, foldsLongS: Bool) -> Int? {
    func letter(_ offset: Int) -> UInt8 {
      guard start + offset < end else { return 0 }
      let byte = text[start + offset]
      return foldsCase && (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
    }
    switch (letter(1), letter(2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    case (0xC5, 0xBF) where foldsLongS: return start + 3
    default: return nil
    }
  }

  /// `[\p{P}\$\+<=>\^~\|]+`, or what lies between two of them.
  func punctuationRun(_ text: Span<UInt8>, _ start: Int) -> Int {
    func matches(_ position: Int) -> Bool {
      has(text, .punctuation, at: position) || "$+<=>^~|".utf8.contains(text[position])
    }
    let wanted = matches(start)
    var position = start
    while position < end, matches(position) == wanted { position += length(text, at: position) }
    return position
  }

  /// `[0-9][0-9][0-9]`, or what lies between two of them.
  func threeDigits(_ text: Span<UInt8>, _ start: Int) -> Int {
    func matches(_ position: Int) -> Bool {
      guard position + 3 <= end else { return false }
      for offset in 0..<3 where !(0x30...0x39).contains(text[position + offset]) { return false }
      return true
    }
    if matches(start) { return start + 3 }
    var position = start
    while position < end, !matches(position) { position += 1 }
    return position
  }
}
