/// Why a model cannot be run. Cases hold the values; the command writes the prose.
public enum NetworkError: Error, Equatable, Sendable {
  /// The model's family is not one that this version runs.
  case unknownFamily(String?)
  /// The configuration lacks a setting.
  case missingSetting(String)
  /// A setting is outside its limits.
  case badSetting(String, found: String, expected: String)
  /// A setting asks for something that this version does not do.
  case unsupported(setting: String, value: String)
  /// The model has no tensor for a place that the network needs.
  case missingWeight(names: [String])
  /// A weight has another shape than the configuration says.
  case weightShape(tensor: String, expected: [Int], found: [Int])
  /// A weight is stored in a type whose numbers are not known.
  case opaqueWeight(tensor: String, type: String)
  /// A token that the network has no embedding of.
  case unknownToken(Int, vocabularySize: Int)
  /// More positions than the network has embeddings for.
  case tooManyPositions(count: Int, limit: Int)
  /// What the network computes are no numbers; `tensor`: the first weight that holds one that is none, or `nil` where they all are and
  /// numbers grow beyond all bounds on the way.
  case notNumbers(tensor: String?)
}
