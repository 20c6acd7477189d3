internal import ModelFiles

/// What `tokenizer.ggml.pre` says of the splitting.
///
/// - Source: llama.cpp `src/llama-vocab.cpp`, `llama_vocab::impl::load` and `llm_tokenizer_bpe`.
struct GGUFPreTokenizer {
  let patterns: [SplittingPattern]
  let ignoresMerges: Bool
  let addsBegin: Bool
  /// Whether the file does not say.
  let isMissing: Bool

  init(_ source: GGUFVocabulary) throws {
    let stated = try source.text("tokenizer.ggml.pre")
    isMissing = stated == nil
    let name = stated ?? "default"
    guard let row = Self.table.first(where: { $0.names.contains(name) }) else {
      throw TokenizerError.unsupportedPreTokenizer(name, file: source.file)
    }
    patterns = try row.patterns.map { try SplittingPattern(regex: $0, .llamaCpp) }
    ignoresMerges = row.ignoresMerges
    addsBegin = row.addsBegin
  }

  /// One way to split.
  private struct Row {
    let names: Set<String>
    let patterns: [String]
    var ignoresMerges = false
    var addsBegin = false
  }

  // Where llama.cpp writes upper and lower case of letters as "a letter, but none of a–z", so does this; where its `\d` is that of ASCII,
  // the digits are written out.
  private static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
  private static let suffix = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
  private static let word = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
  private static let others = #"| ?[^\s\p{L}\p{N}]+[\r\n]*"#
  private static let blanks = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let capitals = #"[\p{L}&&[^a-z]]"#
  private static let smalls = #"[\p{L}&&[^A-Z]]"#
  private static let signs = ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"##
  private static let kana = "[一-龥\u{3040}-ゟ゠-ヿ]+"
  private static let deepSeek3 =
    signs + #"[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+"#
  private static let llama3 = "\(suffix)|\(word)|\\p{N}{1,3}\(others)\(blanks)"
  private static let qwen2 = "\(suffix)|\(word)|\\p{N}\(others)\(blanks)"
  private static let poro = " ?[^(\\s|.,!?…。，、।۔،)]+"

  /// Words in which small letters follow capitals and never the other way round.
  private static func cased(
    _ capitals: String = capitals, _ smalls: String = smalls, suffix: String, numbers: String
  ) -> String {
    let lead = #"[^\r\n\p{L}\p{N}]?"#
    return "\(lead)\(capitals)*\(smalls)+\(suffix)|\(lead)\(capitals)+\(smalls)*\(suffix)|\(numbers)"
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + blanks
  }

  private static let table: [Row] = [
    Row(names: ["default"], patterns: [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]),
    Row(
      names: [
        "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
        "modern-bert", "exaone4", "mpt", "olmo", "jais", "trillion", "granite-docling",
      ], patterns: [gpt2]),
    Row(
      names: ["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
      patterns: [#"\p{N}"#, gpt2]),
    Row(
      names: [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano",
      ], patterns: [llama3], ignoresMerges: true, addsBegin: true),
    Row(names: ["glm4"], patterns: [llama3], ignoresMerges: true),
    Row(names: ["dbrx", "smaug-bpe", "chatglm-bpe"], patterns: [llama3]),
    Row(names: ["minicpm5"], patterns: [#"\p{N}{1,3}"#, llama3], ignoresMerges: true),
    Row(
      names: [
        "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
        "grok-2",
      ], patterns: [qwen2]),
    Row(
      names: ["qwen35"],
      patterns: [
        #"\#(suffix)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*\#(blanks)"#
      ]),
    Row(names: ["ufakzeka"], patterns: [#"\#(word)|\p{N}\#(others)\#(blanks)"#]),
    Row(names: ["seed-coder"], patterns: [#"\#(suffix)|\#(word)|\p{N}| ?[^\s\p{L}\p{N}\r\n]+\#(blanks)"#]),
    Row(names: ["laguna"], patterns: [#"[^\n]+|[\n]+"#, qwen2]),
    Row(
      names: ["bailingmoe", "bailingmoe2", "llada-moe"],
      patterns: [#"'(?i:[sdmt]|ll|ve|re)|\#(word)|\p{N}\#(others)|\s*[\r\n]|\s+(?!\S)|\s+"#]),
    Row(
      names: ["exaone-moe"],
      patterns: [
        #"\#(suffix)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"#
      ]),
    Row(
      names: ["jais-2"],
      patterns: [
        llama3.replacing(
          #"|\s+(?!\S)|\s+"#,
          by: [512, 256, 128, 64, 32, 16, 8, 4].map { #"|\s{\#($0)}(?!\S)"# }.joined()
            + #"|\s{1,2}(?!\S)|\s{1}"#)
      ]),
    Row(
      names: ["tekken"], patterns: [cased(suffix: "", numbers: #"\p{N}"#)], ignoresMerges: true,
      addsBegin: true),
    Row(
      names: ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
      patterns: [cased(suffix: suffix + "?", numbers: #"\p{N}{1,3}"#)]),
    Row(
      names: ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
      patterns: [#"\p{N}{1,3}"#, kana, deepSeek3 + #"[\r\n]*"# + blanks]),
    Row(
      names: ["spark2_5"],
      patterns: [#"\p{N}{1,3}"#, kana, deepSeek3 + #"|[\r\n]|\s+(?!\S)|\s+"#, #"\p{N}"#]),
    Row(names: ["falcon"], patterns: [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]),
    Row(names: ["poro-chat", "bloom", "gpt3-finnish"], patterns: [poro]),
    Row(names: ["viking"], patterns: [poro, #"\p{N}"#]),
    Row(names: ["superbpe"], patterns: [#"\p{N}+"#, #"(?=([0-9]{3})+(?![0-9]))"#]),
  ]
}

extension String {
  fileprivate func replacing(_ old: String, by new: String) -> String {
    String(decoding: Array(utf8).replacing(Array(old.utf8), by: Array(new.utf8)), as: UTF8.self)
  }
}
