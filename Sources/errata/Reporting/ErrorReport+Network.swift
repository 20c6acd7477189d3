import Transformer

extension ErrorReport {
  static func explain(_ error: NetworkError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .unknownFamily(let type):
      return Explanation(
        name,
        why: type.map { "its family is \($0), which this errata cannot run" } ?? "it does not say its family",
        advice:
          "families that can be run: gpt2, gptj, gpt_neox, opt, llama, mistral, qwen2; every model can be patched with `diff` and `solve`"
      )
    case .missingSetting(let key):
      return Explanation(name, place: key, why: "the model's configuration does not have it")
    case .badSetting(let key, let found, let expected):
      return Explanation(name, place: key, why: "it is \(found), and must be \(expected)")
    case .unsupported(let setting, let value):
      return Explanation(
        name, place: setting, why: "it is \(value), which this errata does not compute",
        advice: "a newer errata may")
    case .missingWeight(let names):
      return Explanation(
        name, place: names.first ?? "",
        why: names.count > 1
          ? "the model has no tensor of that name, nor \(names.dropFirst().joined(separator: ", "))"
          : "the model has no tensor of that name")
    case .weightShape(let tensor, let expected, let found):
      return Explanation(
        name, place: tensor,
        why: "its shape is \(found), the model's configuration asks for \(expected)")
    case .opaqueWeight(let tensor, let type):
      return Explanation(name, place: tensor, why: "this errata cannot decode numbers stored as \(type)")
    case .unknownToken(let token, let size):
      return Explanation(
        name, why: "the tokenizer gives token \(token), the network has \(size)",
        advice: "the tokenizer is of another model")
    case .notNumbers(let tensor?):
      return Explanation(
        name, place: tensor,
        why: "the model's logits are not numbers: this weight holds a NaN or an infinity",
        advice: "get the model anew, or compare it with another copy by `errata diff`")
    case .notNumbers(nil):
      return Explanation(
        name,
        why:
          "the model's logits are not numbers, though its weights are: what it computes grows beyond all bounds",
        advice: "look at its configuration: a wrong norm, scale or position setting does that")
    case .tooManyPositions(let count, let limit):
      return Explanation(
        name, why: "the text has \(count) tokens, the network has \(limit) positions",
        advice: "shorten the text")
    }
  }
}
