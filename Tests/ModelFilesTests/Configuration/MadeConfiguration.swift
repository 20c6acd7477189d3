import ModelFiles
import TestSupport

/// The smallest model folder that says a configuration; it has no weights to run.
struct MadeConfiguration {
  /// What each family's `config.json` must say, all sizes different.
  static let smallest: [String: [(String, JSONValue)]] = [
    "gpt2": [("n_layer", 3), ("n_embd", 12), ("n_head", 2), ("n_positions", 17)],
    "gptj": [("n_layer", 3), ("n_embd", 12), ("n_head", 2), ("n_positions", 17), ("rotary_dim", 4)],
    "gpt_neox": [
      ("num_hidden_layers", 3), ("hidden_size", 24), ("intermediate_size", 40), ("num_attention_heads", 2),
      ("max_position_embeddings", 17), ("rotary_pct", .number(0.5)),
    ],
    "opt": [
      ("num_hidden_layers", 3), ("hidden_size", 12), ("ffn_dim", 40), ("num_attention_heads", 2),
      ("max_position_embeddings", 17),
    ],
    "llama": llama, "mistral": llama, "qwen2": llama, "qwen3": llama, "internlm2": llama, "internlm3": llama,
    "gemma2": llama, "gemma3_text": llama, "olmo2": llama, "olmo3": llama, "smollm3": llama, "granite": llama,
    "phi3": llama, "glm": llama, "glm4": llama, "exaone4": llama, "cohere2": llama, "starcoder2": llama,
    "mixtral": llama, "qwen3_moe": llama, "olmoe": llama,
    "phi": llama + [("head_dim", 4)], "stablelm": llama + [("head_dim", 8)],
    "ministral3": llama + [
      (
        "rope_parameters",
        [
          "rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 8,
          "llama_4_scaling_beta": .number(0.1),
        ]
      )
    ],
    "falcon": [
      ("num_hidden_layers", 3), ("hidden_size", 12), ("num_attention_heads", 6),
      ("max_position_embeddings", 17),
    ],
    "gpt_bigcode": [("n_layer", 3), ("n_embd", 12), ("n_head", 2), ("n_positions", 17)],
  ]
  private static let llama: [(String, JSONValue)] = [
    ("num_hidden_layers", 3), ("hidden_size", 12), ("intermediate_size", 40), ("num_attention_heads", 6),
    ("num_key_value_heads", 2), ("max_position_embeddings", 17),
  ]

  /// Reads a family's smallest configuration with some settings changed, added or, where `nil`, taken away.
  static func read(_ type: String, _ changes: [(String, JSONValue?)] = []) throws -> NetworkConfiguration {
    var settings = [("model_type", JSONValue.string(type)), ("vocab_size", 61)] + (smallest[type] ?? [])
    for (key, value) in changes {
      settings.removeAll { $0.0 == key }
      if let value { settings.append((key, value)) }
    }
    return try read(.object(settings.map { .init($0.0, $0.1) }))
  }

  static func read(_ json: JSONValue) throws -> NetworkConfiguration {
    let folder = try TemporaryFolder()
    try folder.write(Array(json.compactText.utf8), to: "config.json")
    try SafetensorsWriter.write(
      [NewTensor(name: "w", elementType: .f32, shape: [1], elements: [Float(1)])],
      to: folder.path("model.safetensors"))
    return try NetworkConfiguration(of: ModelFile(folder.path))
  }

  /// The same for GGUF metadata of the Llama architecture, or of another.
  static func readGGUF(
    _ changes: [(String, GGUFValue?)] = [], architecture: String = "llama", tensors: [NewTensor]? = nil
  ) throws -> NetworkConfiguration {
    var settings: [(String, GGUFValue)] = [
      ("block_count", .uint32(3)), ("embedding_length", .uint32(12)), ("feed_forward_length", .uint32(40)),
      ("attention.head_count", .uint32(6)), ("attention.head_count_kv", .uint32(2)),
      ("context_length", .uint32(17)), ("attention.layer_norm_rms_epsilon", .float32(1e-5)),
    ]
    for (key, value) in changes {
      settings.removeAll { $0.0 == key }
      if let value { settings.append((key, value)) }
    }
    let fields =
      [GGUFField("general.architecture", .string(architecture))]
      + settings.map { GGUFField("\(architecture).\($0.0)", $0.1) }
    let embedding = NewTensor(
      name: "token_embd.weight", elementType: .f32, shape: [61, 12],
      elements: [Float](repeating: 0, count: 732))
    let folder = try TemporaryFolder()
    try GGUFWriter.write(tensors ?? [embedding], metadata: fields, to: folder.path("model.gguf"))
    return try NetworkConfiguration(of: ModelFile(folder.path("model.gguf")))
  }
}
