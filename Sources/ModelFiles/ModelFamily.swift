/// The model families whose tensors we know by name: one row each.
///
/// Orientation is declared here, never guessed from a shape: a square weight would accept either.
public struct ModelFamily: Equatable, Sendable {
  /// `model_type` in a Hugging Face configuration.
  public let name: String
  /// Names that share the row's tensor names.
  public let aliases: [String]
  /// What stands before the layer number and after it in the name of an MLP's down-projection, the weight that is edited.
  /// Files on the hub often lack the first part.
  let prefixes: [String]
  let suffix: String
  /// Whether the weight is stored [input, output] (GPT-2's Conv1D) instead of [output, input].
  public let storesInputMajor: Bool

  static let table: [ModelFamily] = [
    ModelFamily("gpt2", ["transformer.h.", "h."], ".mlp.c_proj.weight", inputMajor: true),
    ModelFamily("gptj", ["transformer.h."], ".mlp.fc_out.weight"),
    ModelFamily("gpt_neox", ["gpt_neox.layers."], ".mlp.dense_4h_to_h.weight"),
    ModelFamily("opt", ["model.decoder.layers.", "decoder.layers."], ".fc2.weight"),
    ModelFamily("llama", aliases: ["mistral", "qwen2"], ["model.layers."], ".mlp.down_proj.weight"),
  ]

  private init(
    _ name: String, aliases: [String] = [], _ prefixes: [String], _ suffix: String, inputMajor: Bool = false
  ) {
    self.name = name
    self.aliases = aliases
    self.prefixes = prefixes
    self.suffix = suffix
    storesInputMajor = inputMajor
  }

  /// The family of a `model_type`.
  public static func named(_ modelType: String) -> ModelFamily? {
    table.first { $0.name == modelType || $0.aliases.contains(modelType) }
  }

  /// The layer whose down-projection has this name in this family.
  public func layer(ofDownProjection tensor: String) -> Int? {
    for prefix in prefixes where tensor.hasPrefix(prefix) && tensor.hasSuffix(suffix) {
      let digits = tensor.dropFirst(prefix.count).dropLast(suffix.count)
      if !digits.isEmpty, digits.allSatisfy(\.isNumber), let layer = Int(digits) { return layer }
    }
    return nil
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
