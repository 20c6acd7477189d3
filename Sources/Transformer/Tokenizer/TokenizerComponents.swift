internal import ModelFiles

/// What the normalizer, pre-tokenizer and decoder of a `tokenizer.json` come to, if this version knows them.
struct TokenizerComponents {
  private let file: String
  private(set) var normalization = TextNormalization()
  private(set) var prefix = PrefixRule.none
  private(set) var splitting = TextSplitting.marksUnlessJoined(SetOfCharacters(before: 0, in: []))
  private(set) var isByteLevel = false
  private(set) var decoder = TokenDecoder(steps: [], isByteLevel: true)
  /// Whether spaces become `▁` before added tokens are looked for.
  private(set) var marksSpacesInNormalization = false

  /// Whether spaces become `▁` at all.
  var marksSpaces: Bool { normalization.marksSpaces || marksWhileSplitting }
  private var marksWhileSplitting = false

  init(_ json: TokenizerJSON) throws(TokenizerError) {
    file = json.file
    try readNormalizer(json.members["normalizer"] ?? .null)
    try readPreTokenizer(json.members["pre_tokenizer"] ?? .null)
    decoder = try readDecoder(json.members["decoder"] ?? .null)
  }

  /// An added token's content in the form that is looked for.
  func normalized(_ content: [UInt8]) -> [UInt8] {
    var result = content
    if normalization.composes,
      let (composed, _) = normalization.compose(content.span, content.indices)
    {
      result = composed
    }
    if prefix == .beforeNormalized { result = Mark.bytes + result }
    if normalization.marksSpaces { result = result.replacing([0x20], by: Mark.bytes) }
    return result
  }

  // MARK: Normalizer

  private mutating func readNormalizer(_ value: JSONValue) throws(TokenizerError) {
    for step in value.components("normalizers") {
      switch step.kind {
      case "NFC" where !normalization.marksSpaces && prefix == .none: normalization.composes = true
      case "Prepend" where step["prepend"]?.text == "▁" && prefix == .none && !normalization.composes:
        prefix = .beforeNormalized
      case "Replace" where step["pattern"]?["String"]?.text == " " && step["content"]?.text == "▁":
        normalization.marksSpaces = true
        marksSpacesInNormalization = true
      default: throw .unsupportedNormalizer(step.compactText, file: file)
      }
    }
    // The encoder reads the space put in front as the mark that it stands for.
    guard prefix == .none || normalization.marksSpaces else {
      throw .unsupportedNormalizer("Prepend without Replace", file: file)
    }
  }

  // MARK: Pre-tokenizer

  private mutating func readPreTokenizer(_ value: JSONValue) throws(TokenizerError) {
    var patterns: [SplittingPattern] = []
    for step in value.components("pretokenizers") {
      guard !isByteLevel else { throw .unsupportedPreTokenizer("\(step.kind) after ByteLevel", file: file) }
      switch step.kind {
      case "ByteLevel" where !marksSpaces:
        isByteLevel = true
        if step["add_prefix_space"]?.truth ?? true {
          guard patterns.isEmpty else {
            throw .unsupportedPreTokenizer("ByteLevel with add_prefix_space after \(value.kind)", file: file)
          }
          prefix = .unlessSpaced(marksSpaces: false)
        }
        if step["use_regex"]?.truth ?? true { patterns.append(.gpt2) }
      // Gemma cuts at spaces when there are none left.
      case "Split" where marksSpacesInNormalization && step["pattern"]?["String"]?.text == " ": continue
      case "Split" where !marksSpaces:
        patterns.append(try splitting(step))
      case "Digits" where !marksSpaces:
        patterns.append(step["individual_digits"]?.truth == true ? .singleNumbers : .numberRuns)
      case "Metaspace" where patterns.isEmpty && prefix == .none && !normalization.composes:
        try readMetaspace(step)
      default: throw .unsupportedPreTokenizer(step.compactText, file: file)
      }
    }
    guard isByteLevel || marksSpaces, isByteLevel || patterns.isEmpty else {
      throw .unsupportedPreTokenizer(value.compactText, file: file)
    }
    if isByteLevel { splitting = .patterns(patterns.isEmpty ? [.everything] : patterns) }
  }

  /// A pattern of which every match is a piece. What lies between two is one too, or there is nothing.
  private func splitting(_ step: JSONValue) throws(TokenizerError) -> SplittingPattern {
    guard let regex = step["pattern"]?["Regex"]?.text else {
      throw .unsupportedPreTokenizer(step.compactText, file: file)
    }
    let pattern: SplittingPattern
    do throws(RegexError) {
      pattern = try SplittingPattern(regex: regex, .tokenizers)
    } catch {
      throw .unsupportedPattern(regex, construct: error.construct, file: file)
    }
    switch (step["behavior"]?.text, step["invert"]?.truth ?? false) {
    case ("Isolated", false): return pattern
    case ("Removed", true) where pattern.coversEverything, ("Isolated", true) where pattern.coversEverything:
      return pattern
    default: throw .unsupportedPreTokenizer(step.compactText, file: file)
    }
  }

  private mutating func readMetaspace(_ step: JSONValue) throws(TokenizerError) {
    guard step["replacement"]?.text == "▁", !marksWhileSplitting else {
      throw .unsupportedPreTokenizer(step.compactText, file: file)
    }
    marksWhileSplitting = true
    var scheme = step["prepend_scheme"]?.text ?? "always"
    if step["add_prefix_space"]?.truth == false { scheme = "never" }
    switch scheme {
    case "always": prefix = .unlessSpaced(marksSpaces: true)
    case "first": prefix = .firstUnlessSpaced(marksSpaces: true)
    case "never": prefix = .none
    default: throw .unsupportedPreTokenizer(step.compactText, file: file)
    }
    if step["split"]?.truth ?? true { splitting = .marks }
  }

  // MARK: Decoder

  private func readDecoder(_ value: JSONValue) throws(TokenizerError) -> TokenDecoder {
    let components = value.components("decoders")
    if isByteLevel {
      guard components.allSatisfy({ $0.kind == "ByteLevel" }) else {
        throw .unsupportedDecoder(value.compactText, file: file)
      }
      return TokenDecoder(steps: [], isByteLevel: true)
    }
    var steps: [TokenDecoder.Step] = []
    for component in components { steps.append(try step(component)) }
    guard !steps.isEmpty else { throw .unsupportedDecoder(value.compactText, file: file) }
    return TokenDecoder(steps: steps, isByteLevel: false)
  }

  private func step(_ component: JSONValue) throws(TokenizerError) -> TokenDecoder.Step {
    switch component.kind {
    case "Replace":
      guard let old = component["pattern"]?["String"]?.text, let new = component["content"]?.text else {
        break
      }
      return .replace(Array(old.utf8), Array(new.utf8))
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Strip":
      guard let content = component["content"]?.text?.unicodeScalars, content.count == 1,
        let scalar = content.first,
        let start = component["start"]?.integer, let stop = component["stop"]?.integer, start >= 0, stop >= 0
      else { break }
      return .strip(scalar, start: start, stop: stop)
    case "Metaspace":
      guard component["replacement"]?.text == "▁" else { break }
      let never =
        component["prepend_scheme"]?.text == "never" || component["add_prefix_space"]?.truth == false
      return .marks(stripsFirst: !never)
    default: break
    }
    throw .unsupportedDecoder(component.compactText, file: file)
  }
}
