/// What some methods need beside facts and statistics.
public struct EditAids: Sendable {
  /// Ordinary text, for methods that train neurons to be quiet on it.
  public var text = OrdinaryText()
  /// Trained editors, for methods that apply one.
  public var editors: [LearnedEditor] = []
  /// Models that answer in the place of the edited one, for memories that ask one; such a memory names the first.
  public var seconds: [SecondModel] = []

  /// Nothing.
  public init() {}

  /// What a method applies.
  func editor(for method: EditMethod) -> LearnedEditor? { editors.first { $0.kind == method.trainedKind } }
}
