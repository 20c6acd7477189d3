internal import LinearAlgebra
internal import Patches

/// Which classifier says whether a prompt is in a fact's scope.
public enum ScopeRoute: Sendable {
  /// What `train` has made.
  case trained(LearnedEditor)
  /// That of the memory that the facts join.
  case earlier
}

extension LearnedEditor {
  /// What a memory needs of a classifier; `nil` for an editor of another kind.
  var scopeRoute: (route: MemoryRoute, embed: PromptEmbedding)? {
    guard let classifier = network as? ScopeClassifier else { return nil }
    return (.scope(states: StateChoice(layers: layers, ends: ends), bySubject: true), classifier.embedding)
  }
}
