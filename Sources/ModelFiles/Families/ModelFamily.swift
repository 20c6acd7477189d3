/// A family of models: how its tensors are called and stored, which network they make, how its settings are read, and how it
/// is edited.
///
/// Each family is one file and one row of `table`. All of errata asks the value; nothing asks for a family's name.
public struct ModelFamily: Equatable, Sendable {
  /// `model_type` in a Hugging Face configuration.
  public let name: String
  /// What people call it.
  public let title: String
  /// Other types that share everything here, with what people call them.
  public let aliases: [(type: String, title: String)]
  /// `general.architecture` of its GGUF files; empty where llama.cpp has none.
  public let architectures: [String]
  /// How its tensors are called and stored.
  let tensors: TensorNames
  /// The network's choices.
  public let design: NetworkDesign
  /// Reads the settings of a `config.json` over the design.
  let json: @Sendable (inout NetworkConfiguration, JSONSettings) throws -> Void
  /// Reads the settings of a GGUF file over the design.
  let gguf: @Sendable (inout NetworkConfiguration, GGUFSettings) throws -> Void
  /// How models of the family are edited.
  public let recipe: FamilyRecipe

  init(
    _ name: String, title: String, aliases: [(type: String, title: String)] = [],
    architectures: [String] = [], tensors: TensorNames, design: NetworkDesign,
    json: @escaping @Sendable (inout NetworkConfiguration, JSONSettings) throws -> Void,
    gguf: @escaping @Sendable (inout NetworkConfiguration, GGUFSettings) throws -> Void = { _, _ in },
    recipe: FamilyRecipe = FamilyRecipe()
  ) {
    self.name = name
    self.title = title
    self.aliases = aliases
    self.architectures = architectures
    self.tensors = tensors
    self.design = design
    self.json = json
    self.gguf = gguf
    self.recipe = recipe
  }

  /// Families are told apart by their names.
  public static func == (one: ModelFamily, other: ModelFamily) -> Bool { one.name == other.name }

  /// Its types in Hugging Face configurations.
  public var types: [String] { [name] + aliases.map(\.type) }
}

extension ModelFamily {
  /// All families.
  static let table: [ModelFamily] = [
    gpt2, gptJ, gptNeoX, opt, llama, qwen2, qwen3, gemma2, gemma3, olmo2, smolLM3, granite, phi, phi3, glm,
    glm4,
    ministral3, internLM2, stableLM, exaone4, cohere2, falcon, gptBigCode, starCoder2, qwen3MoE, olmoE,
  ]

  /// The types of all families, for messages.
  public static var knownNames: [String] { table.flatMap(\.types) }

  /// What people call them.
  public static var knownTitles: [String] { table.flatMap { [$0.title] + $0.aliases.map(\.title) } }

  /// The family of a `model_type` or of a GGUF `general.architecture`.
  public static func named(_ type: String) -> ModelFamily? {
    table.first { $0.types.contains(type) || $0.architectures.contains(type) }
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

  /// The settings of the language model in a configuration: the whole, or one part of a model that also sees or hears.
  static func languageModel(in configuration: JSONValue) -> JSONValue {
    // A larger model may be called as GGUF files call its language model.
    func isKnown(_ part: JSONValue) -> Bool {
      part["model_type"]?.text.map { type in table.contains { $0.types.contains(type) } } ?? false
    }
    guard !isKnown(configuration), let part = configuration["text_config"], isKnown(part) else {
      return configuration
    }
    return part
  }
}
