import Transformer

extension ErrorReport {
  static func explain(_ error: NetworkError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .missingWeight(let names, let near): return missingTensor(name, names, near)
    case .missingHead(let names, let near):
      var explanation = missingTensor(name, names, near)
      explanation.why += "; its configuration says that head and embedding are two"
      explanation.advice =
        explanation.advice
        ?? "if the embedding is the head, say so in config.json: \"tie_word_embeddings\": true"
      return explanation
    case .weightShape(let tensor, let expected, let found):
      return Explanation(
        name, place: tensor,
        why: "its shape is \(found), the model's configuration asks for \(expected)")
    case .layerOfExperts(let layer, let count):
      return Explanation(
        name, place: "layer \(layer)", why: "it has \(count) experts, where one weight is asked for",
        advice: "choose a layer without experts")
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
    case .longTextInPieces(let count, let limit):
      return Explanation(
        name,
        why:
          "the text has \(count) tokens, and beyond \(limit) this model turns a text otherwise from its first token on, which is done for whole texts only",
        advice: "shorten the text; what is generated counts")
    }
  }
}
