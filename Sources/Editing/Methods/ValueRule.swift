/// How values become keys and residuals of the edited layers.
struct ValueRule: Sendable {
  /// How the keys of several contexts become one.
  var keys = SubjectStates.Averaging.groups
  /// How the outputs of the down-projection are averaged that a value of this kind is held against.
  var outputs = SubjectStates.Averaging.bare
  /// Whether residuals are meant at the keys of the bare prompts instead of those that are solved for.
  var readsAtBareKeys = false
}
