/// Why what a model says of itself is no network that this version runs. Cases hold the values; the command writes the prose.
public enum ConfigurationError: Error, Equatable, Sendable {
  /// The model's family is not one that this version runs.
  case unknownFamily(String?)
  /// The configuration lacks a setting.
  case missingSetting(String)
  /// A setting is outside its limits, or not of its kind.
  case badSetting(String, found: String, expected: String)
  /// A setting asks for something that this version does not do.
  case unsupported(setting: String, value: String)
  /// The weights are packed by a quantization that this version does not decode.
  case quantized(ModelFile.Quantization)
  /// The MLP is a choice of several.
  case mixtureOfExperts(ModelFile.Experts)
  /// A tensor of a block has no place in the family's network: what it does there would be left out.
  case unknownTensor(String, family: String)
  /// A bias where the configuration says that there is none.
  case unexpectedBias(String)
  /// A tensor of a block beyond the last.
  case tensorBeyondLayers(String, layerCount: Int)
  /// Two tensors for one place.
  case twoTensors(String, String)
  /// The model has no tensor for a place that the configuration needs.
  case missingTensor(names: [String], near: [String])
}
