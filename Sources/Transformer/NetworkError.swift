/// Why a model cannot be run. Cases hold the values; the command writes the prose.
public enum NetworkError: Error, Equatable, Sendable {
  /// The model's family is not one that this version runs.
  case unknownFamily(String?)
}
