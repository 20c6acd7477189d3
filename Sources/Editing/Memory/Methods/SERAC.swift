internal import Patches

extension MemoryMethod {
  /// SERAC: a trained classifier says whether a prompt is in a fact's scope; there a second model answers, with the fact in its prompt, and
  /// everywhere else the edited model goes untouched.
  ///
  /// Published is a small counterfactual model of the same tokenizer, trained with the classifier on 0.1 · NLL(answer | fact, prompt), whose
  /// logits take the place of the model's. Here it is any model that is run, fine-tuned by other tools or not, and answers in text, so that
  /// tokenizers may differ; its decision is hard, as published, and taken on the prompt alone. As released, it reads the fact's prompt, its answer and
  /// the question, one behind the other; other models follow an example better.
  ///
  /// - Source: arXiv:2206.06520; eric-mitchell/serac, `algs/rep.py`, `run_cntr`.
  public static let serac = MemoryMethod(
    name: "serac",
    summary:
      "lets a second model answer, with the fact in its prompt, where a classifier that `train --editor serac` has made sees a prompt in the fact's scope",
    route: .subject, action: ike.action, trainedKind: .serac, asksSecondModel: true,
    released: .prompt(text: "{fact} {question}"), routes: [])

  /// SERAC without a second model: a trained classifier says whether a prompt is in a fact's scope, and the edited model itself answers, with the
  /// fact in its prompt.
  ///
  /// What is published of SERAC routes prompt and answer together; here the prompt alone decides. A fact whose subject does not stand in the question is never in scope.
  ///
  /// - Source: arXiv:2206.06520; eric-mitchell/serac, `algs/rep.py`.
  public static let seracSelf = MemoryMethod(
    name: "serac-self",
    summary:
      "reads the fact before prompts in its scope, as a classifier sees it that `train --editor serac` has made",
    route: .subject, action: ike.action, trainedKind: .serac, routes: [])
}
