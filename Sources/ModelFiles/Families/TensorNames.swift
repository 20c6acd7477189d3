/// How a family's tensors are called and stored, in both containers.
///
/// Orientation is declared here, never guessed from a shape: a square weight would accept either.
struct TensorNames: Sendable {
  /// What stands before every name but the head's, as published; files of the bare model often lack it.
  let prefixes: [String]
  /// What stands between the prefix and the number of a layer.
  let layers: String
  /// Names after the prefix and, for roles of layers, after the number.
  let names: [TensorRole: String]
  /// Tensors of a layer that are no weights: masks and angles that older files carry, after the number.
  var buffers: Set<String> = []
  /// Weights stored [input, output] (GPT-2's Conv1D) instead of [output, input]. In GGUF files none is.
  var inputMajor: Set<TensorRole> = []
  /// How rows are ordered in a GGUF file, where that differs.
  var ggufRows: [TensorRole: ModelFamily.RowOrder] = [:]
  /// Roles that only one container has, where the converter splits a weight.
  var onlyIn: [TensorRole: ModelFile.Format] = [:]

  /// What stands before the number of a layer in GGUF files.
  static let ggufLayers = "blk."

  /// What programs put before all names of a model that they wrap, or that is a part of a larger one; the last are torch's
  /// compiler, its two kinds of data parallelism together, and PEFT.
  static let wrappers = [
    "", "language_model.", "model.language_model.", "_orig_mod.", "module.", "module._orig_mod.",
    "_orig_mod.module.", "base_model.model.",
  ]

  /// Names that Llama and its descendants share.
  static let llama: [TensorRole: String] = [
    .tokenEmbedding: "embed_tokens", .finalNorm: "norm", .head: "lm_head",
    .attentionNorm: "input_layernorm", .feedForwardNorm: "post_attention_layernorm",
    .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
    .attentionOutput: "self_attn.o_proj", .gate: "mlp.gate_proj", .up: "mlp.up_proj",
    .down: "mlp.down_proj",
  ]

  /// Experts of Qwen's and Ai2's, one tensor for each.
  static let experts: [TensorRole: String] = [
    .router: "mlp.gate", .expertGate: "mlp.experts.#.gate_proj", .expertUp: "mlp.experts.#.up_proj",
    .expertDown: "mlp.experts.#.down_proj",
  ]

  /// Mixtral's.
  static let sparseExperts: [TensorRole: String] = [
    .router: "block_sparse_moe.gate", .expertGate: "block_sparse_moe.experts.#.w1",
    .expertUp: "block_sparse_moe.experts.#.w3", .expertDown: "block_sparse_moe.experts.#.w2",
  ]

  /// Llama's, with the names of some more tensors.
  ///
  /// - Parameter missing: those of Llama's that there are none of.
  static func llamaLike(
    with names: [TensorRole: String] = [:], without missing: Set<TensorRole> = [],
    ggufRows: [TensorRole: ModelFamily.RowOrder] = [:]
  ) -> TensorNames {
    TensorNames(
      prefixes: ["model.", ""], layers: "layers.",
      names: llama.merging(names) { $1 }.filter { !missing.contains($0.key) },
      buffers: ["self_attn.rotary_emb.inv_freq"], ggufRows: ggufRows)
  }

  /// What a converter to GGUF does with queries and keys of families that turn halves where llama.cpp turns neighbors.
  static let pairs: [TensorRole: ModelFamily.RowOrder] = [.query: .rotaryPairs, .key: .rotaryPairs]

  /// Stands for an expert's number in a name.
  private static let expertMark: Character = "#"

  /// Whether a pattern has no place for an expert's number.
  static func holdsAll(_ pattern: String) -> Bool { !pattern.contains(expertMark) }

  /// A pattern with an expert's number put in; `nil` where it asks for one and there is none, or has no place for it.
  static func name(_ pattern: String, expert: Int?) -> String? {
    guard let mark = pattern.firstIndex(of: expertMark) else { return expert == nil ? pattern : nil }
    return expert.map { "\(pattern[..<mark])\($0)\(pattern[pattern.index(after: mark)...])" }
  }

  /// The number that stands in a name where its pattern has the mark.
  static func expert(in name: Substring, of pattern: String) -> Int? {
    guard let mark = pattern.firstIndex(of: expertMark) else { return nil }
    let (head, tail) = (pattern[..<mark], pattern[pattern.index(after: mark)...])
    guard name.hasPrefix(head), name.hasSuffix(tail), name.count > head.count + tail.count else { return nil }
    let digits = name.dropFirst(head.count).dropLast(tail.count)
    return digits.count < 6 && digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
  }

  /// What a role is called in a container; `nil` where it has none.
  func name(of role: TensorRole, in format: ModelFile.Format) -> String? {
    guard let name = names[role], onlyIn[role] ?? format == format else { return nil }
    return format == .gguf ? role.ggufName : name
  }

  /// The head's own name, and the one that transformers 5 gives it in every family.
  var headNames: [String] {
    guard let name = names[.head] else { return [] }
    return name == "lm_head" ? [name] : [name, "lm_head"]
  }

  /// What may stand before a name, the usual first.
  var allPrefixes: [String] { Self.wrappers.flatMap { wrapper in prefixes.map { wrapper + $0 } } }
}
