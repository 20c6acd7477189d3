/// How values become keys and residuals of the edited layers.
struct ValueRule: Sendable {
  /// How the keys of several contexts become one.
  var keys = SubjectStates.Averaging.groups
  /// How the outputs of the down-projection are averaged that a value of this kind is held against.
  var outputs = SubjectStates.Averaging.bare
  /// Whether residuals are meant at the keys of the bare prompts instead of those that are solved for.
  var readsAtBareKeys = false
}

/// How what is missing at the last edited layer is shared out over the layers.
public enum LayerSpread: String, CaseIterable, Sendable {
  /// Every layer writes the same part of it.
  ///
  /// - Source: kmeng01/memit, `memit/memit_main.py`.
  case equal
  /// Early layers write more: what is left is divided by the root of the number of layers to come.
  ///
  /// - Source: zjunlp/EasyEdit, `models/pmet/pmet_main.py`.
  case root

  /// The share of what is missing that one layer is to write, with so many layers still to come, itself included.
  func share(remaining: Int) -> Double {
    switch self {
    case .equal: 1 / Double(remaining)
    case .root: 1 / Double(remaining).squareRoot()
    }
  }
}
