internal import Patches

extension MemoryMethod {
  /// SERAC without a second model: a trained classifier says whether a prompt is in a fact's scope, and the edited model itself answers, with the
  /// fact in its prompt.
  ///
  /// SERAC has a counterfactual model answer, which must be trained too and share the tokenizer; it is no part of this. What is published of it
  /// routes prompt and answer together; here the prompt alone decides. A fact whose subject does not stand in the question is never in scope.
  ///
  /// - Source: arXiv:2206.06520; eric-mitchell/serac, `algs/rep.py`.
  public static let seracSelf = MemoryMethod(
    name: "serac-self",
    summary:
      "reads the fact before prompts in its scope, as a classifier sees it that `train --editor serac` has made",
    route: .subject, action: ike.action, trainedKind: .serac, routes: [])
}
