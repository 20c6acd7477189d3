import Transformer

extension ErrorReport {
  static func explain(_ error: PromptError) -> Explanation {
    switch error {
    case .tokenNotInNetwork(let token, let content, let text, let size):
      Explanation(
        caseName(error), place: Quote.text(text),
        why:
          "the tokenizer makes \(Quote.text(content)) its token \(token), the model has rows for \(size) tokens only",
        advice: "use the tokenizer that the model came with, or leave \(Quote.text(content)) out of the text")
    case .notForChat(let error): explain(error)
    }
  }

  static func explain(_ error: AskError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .noTokens(let prompt):
      return Explanation(
        name, place: "prompt \(prompt)", why: "it is empty: the tokenizer makes nothing of it")
    case .promptNotForNetwork(let prompt, let error):
      var explanation = explain(error)
      explanation.place = "prompt \(prompt)"
      return explanation
    case .promptTooLong(let prompt, let tokens, let positions):
      return Explanation(
        name, place: "prompt \(prompt)",
        why: "it has \(tokens) tokens, the model has \(positions) positions", advice: "shorten it")
    case .notNumbers(let run, let error):
      var explanation = explain(error)
      if run != "base" { explanation.why += ", with \(run)" }
      return explanation
    }
  }
}
