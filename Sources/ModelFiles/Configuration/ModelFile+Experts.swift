extension ModelFile {
  /// A mixture of experts by the model's own word: the setting that says so, and how many experts a layer chooses from.
  public struct Experts: Equatable, Sendable {
    /// The key in `config.json` or in the metadata.
    public let setting: String
    /// Experts of a layer.
    public let count: Int

    /// A setting and its value.
    public init(setting: String, count: Int) {
      self.setting = setting
      self.count = count
    }
  }

  /// The experts of the model; `nil` for one whose layers have a single MLP, or that does not say.
  public var experts: Experts? {
    switch format {
    case .safetensors:
      return ModelFile.configuration(in: folder).flatMap {
        Self.experts(in: ModelFamily.languageModel(in: $0))
      }
    case .gguf:
      let key = "\(modelType ?? "").expert_count"
      guard let count = ggufHeaders.first?[key]?.integer, count > 0 else { return nil }
      return Experts(setting: key, count: count)
    }
  }

  static func experts(in configuration: JSONValue) -> Experts? {
    for key in SettingEffects.expertCounts {
      if let count = configuration[key]?.integer, count > 1 { return Experts(setting: key, count: count) }
    }
    return nil
  }
}
