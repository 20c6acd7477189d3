/// The model families whose tensors we know by name: one row each.
///
/// Orientation is declared here, never guessed from a shape: a square weight would accept either.
public struct ModelFamily: Equatable, Sendable {
  /// `model_type` in a Hugging Face configuration.
  public let name: String
  /// Other types that share the row's tensor names.
  public let aliases: [String]
  /// `general.architecture` of its GGUF files; empty where llama.cpp has none.
  public let architectures: [String]
  /// What stands before every name but the head's. Files on the hub often lack the first part.
  let prefixes: [String]
  /// What stands between the prefix and the number of a layer.
  let layers: String
  /// Names after the prefix and, for roles of layers, after the number.
  let names: [TensorRole: String]
  /// Weights stored [input, output] (GPT-2's Conv1D) instead of [output, input]. In GGUF files none is.
  let inputMajor: Set<TensorRole>
  /// How rows are ordered in a GGUF file, where that differs.
  let ggufRows: [TensorRole: RowOrder]
  /// How models of the family are edited.
  public let recipe: FamilyRecipe

  /// How a converter to GGUF orders the rows of a weight.
  public enum RowOrder: Sendable {
    /// Within a head, the halves of the rotary pairs are interleaved: row i of the first half, row i of the second, …
    case rotaryPairs
    /// Rows that lie head by head as query, key and value become all queries, then all keys, then all values.
    case byKind
  }

  static let table: [ModelFamily] = [
    ModelFamily(
      "gpt2", architectures: ["gpt2"], prefixes: ["transformer.", ""], layers: "h.",
      names: [
        .tokenEmbedding: "wte", .positionEmbedding: "wpe", .finalNorm: "ln_f", .head: "lm_head",
        .attentionNorm: "ln_1", .feedForwardNorm: "ln_2", .queryKeyValue: "attn.c_attn",
        .attentionOutput: "attn.c_proj", .up: "mlp.c_fc", .down: "mlp.c_proj",
      ],
      inputMajor: [.queryKeyValue, .attentionOutput, .up, .down], recipe: gpt2Recipe),
    ModelFamily(
      "gptj", architectures: ["gptj"], prefixes: ["transformer."], layers: "h.",
      names: [
        .tokenEmbedding: "wte", .finalNorm: "ln_f", .head: "lm_head", .attentionNorm: "ln_1",
        .query: "attn.q_proj", .key: "attn.k_proj", .value: "attn.v_proj", .attentionOutput: "attn.out_proj",
        .up: "mlp.fc_in", .down: "mlp.fc_out",
      ],
      recipe: FamilyRecipe(published: [
        .init(
          "GPT-J 6B", layerCount: 28, width: 4096, layers: 3...8, singleLayer: 5, steps: 25,
          lateLayers: 18...26, bound: 5e-5)
      ])),
    ModelFamily(
      "gpt_neox", architectures: ["gptneox"], prefixes: ["gpt_neox."], layers: "layers.",
      names: [
        .tokenEmbedding: "embed_in", .finalNorm: "final_layer_norm", .head: "embed_out",
        .attentionNorm: "input_layernorm", .feedForwardNorm: "post_attention_layernorm",
        .queryKeyValue: "attention.query_key_value", .attentionOutput: "attention.dense",
        .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
      ],
      ggufRows: [.queryKeyValue: .byKind],
      recipe: FamilyRecipe(published: [
        .init("GPT-NeoX 20B", layerCount: 44, width: 6144, layers: 6...10, singleLayer: 15, steps: 20)
      ])),
    ModelFamily(
      "opt", prefixes: ["model.decoder.", "decoder."], layers: "layers.",
      names: [
        .tokenEmbedding: "embed_tokens", .positionEmbedding: "embed_positions",
        .finalNorm: "final_layer_norm", .head: "lm_head", .attentionNorm: "self_attn_layer_norm",
        .feedForwardNorm: "final_layer_norm", .query: "self_attn.q_proj", .key: "self_attn.k_proj",
        .value: "self_attn.v_proj", .attentionOutput: "self_attn.out_proj", .up: "fc1", .down: "fc2",
      ]),
    ModelFamily(
      "llama", aliases: ["mistral"], architectures: ["llama"], prefixes: ["model."], layers: "layers.",
      names: llamaNames, ggufRows: [.query: .rotaryPairs, .key: .rotaryPairs],
      recipe: .llamaLike([
        .init(
          "Llama 2 7B and Mistral 7B", layerCount: 32, width: 4096, layers: 4...8, singleLayer: 5, steps: 25,
          lateLayers: 29...30),
        .init("Llama 3.2 3B", layerCount: 28, width: 3072, layers: 4...8, singleLayer: 5, steps: 25),
      ])),
    ModelFamily(
      "qwen2", architectures: ["qwen2"], prefixes: ["model."], layers: "layers.", names: llamaNames,
      recipe: .llamaLike([
        .init("Qwen2 7B", layerCount: 28, width: 3584, layers: 4...8, singleLayer: 5, steps: 25)
      ])),
  ]

  private static let gpt2Recipe: FamilyRecipe = {
    var recipe = FamilyRecipe(published: [
      .init(
        "GPT-2 medium", layerCount: 24, width: 1024, layers: 6...10, singleLayer: 8, steps: 20, bound: 2e-3),
      .init("GPT-2 large", layerCount: 36, width: 1280, layers: 10...14, singleLayer: 12, steps: 20),
      .init(
        "GPT-2 XL", layerCount: 48, width: 1600, layers: 13...17, singleLayer: 17, steps: 20, bound: 5e-4),
    ])
    recipe.depth = 0.32
    recipe.secondMomentWeight = 20_000
    recipe.equalityWeight = 1000
    return recipe
  }()

  private static let llamaNames: [TensorRole: String] = [
    .tokenEmbedding: "embed_tokens", .finalNorm: "norm", .head: "lm_head",
    .attentionNorm: "input_layernorm", .feedForwardNorm: "post_attention_layernorm",
    .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
    .attentionOutput: "self_attn.o_proj", .gate: "mlp.gate_proj", .up: "mlp.up_proj",
    .down: "mlp.down_proj",
  ]

  private init(
    _ name: String, aliases: [String] = [], architectures: [String] = [], prefixes: [String],
    layers: String, names: [TensorRole: String], inputMajor: Set<TensorRole> = [],
    ggufRows: [TensorRole: RowOrder] = [:], recipe: FamilyRecipe = FamilyRecipe()
  ) {
    self.name = name
    self.aliases = aliases
    self.architectures = architectures
    self.prefixes = prefixes
    self.layers = layers
    self.names = names
    self.inputMajor = inputMajor
    self.ggufRows = ggufRows
    self.recipe = recipe
  }

  /// The names of all families, for messages.
  public static var knownNames: [String] { table.flatMap { [$0.name] + $0.aliases } }

  /// The family of a `model_type` or of a GGUF `general.architecture`.
  public static func named(_ type: String) -> ModelFamily? {
    table.first { $0.name == type || $0.aliases.contains(type) || $0.architectures.contains(type) }
  }

  /// The family that a down-projection's name belongs to: by the model's own word, or else by the name.
  public static func family(ofDownProjection tensor: String, modelType: String?) -> ModelFamily? {
    if let modelType {
      // A type we do not know may use a known name for a weight stored the other way round.
      guard let family = named(modelType), family.layer(ofDownProjection: tensor) != nil else { return nil }
      return family
    }
    return table.first { $0.layer(ofDownProjection: tensor) != nil }
  }
}
