import ModelFiles
import Transformer

extension TokenizerNotice {
  /// What the user should know.
  var words: String {
    switch self {
    case .missingPreTokenizer(let file):
      "\(file) does not name its pre-tokenizer (tokenizer.ggml.pre): the default one is taken, which may split text otherwise than the "
        + "model learned it. Convert the model anew with a present llama.cpp."
    }
  }
}

extension ErrorReport {
  static func explain(_ error: TokenizerError) -> Explanation {
    let name = caseName(error)
    func unsupported(_ what: String, _ found: String, _ file: String) -> Explanation {
      Explanation(
        name, place: file, why: "its \(what) is \(found), which this errata does not do exactly",
        advice: "a newer errata may")
    }
    switch error {
    case .noTokenizer(let place):
      return Explanation(
        name, place: place,
        why: "there is no tokenizer: neither tokenizer.json beside the weights nor a vocabulary in the file",
        advice: "copy the model's tokenizer.json, or its vocab.json and merges.txt, into its folder")
    case .otherTokenizer(let place, let found):
      return Explanation(
        name, place: place,
        why:
          "there is no tokenizer.json, but \(found.joined(separator: ", ")), which this errata does not read",
        advice:
          "transformers makes tokenizer.json of it: AutoTokenizer.from_pretrained(\"\(place)\").save_pretrained(\"\(place)\")"
      )
    case .unknownSplitting(let place, let tokenizerClass):
      return Explanation(
        name, place: place,
        why: "vocab.json and merges.txt are there, but how text is split before them is not known"
          + (tokenizerClass.map { " for \($0)" } ?? ""),
        advice:
          "transformers makes tokenizer.json of them: AutoTokenizer.from_pretrained(\"\(place)\").save_pretrained(\"\(place)\")"
      )
    case .invalidJSON(let error, let file):
      return Explanation(
        name, place: self.place(file, error.place), why: "it is not JSON: \(json(error.problem))")
    case .invalidUTF8(let offset, let file):
      return Explanation(name, place: "\(file ?? "the text"), byte \(offset)", why: "it is not UTF-8 there")
    case .missingValue(let key, let file):
      return Explanation(name, place: "\(file), key \(key)", why: "it is missing, or of another kind")
    case .unsupportedValue(let key, let found, let file):
      return Explanation(
        name, place: "\(file), key \(key)", why: "it is \(found), which this errata does not know")
    case .unsupportedModel(let found, let file): return unsupported("model", found, file)
    case .unsupportedNormalizer(let found, let file): return unsupported("normalizer", found, file)
    case .unsupportedPreTokenizer(let found, let file): return unsupported("pre-tokenizer", found, file)
    case .unsupportedPattern(let pattern, let construct, let file):
      return Explanation(
        name, place: file,
        why:
          "text is split by the pattern “\(pattern)”, and “\(construct)” in it is not matched by this errata")
    case .unsupportedPostProcessor(let found, let file): return unsupported("post-processor", found, file)
    case .unsupportedDecoder(let found, let file): return unsupported("decoder", found, file)
    case .badMerge(let index, let file):
      return Explanation(
        name, place: "\(file), merge \(index)", why: "it is malformed, or its parts or result are no tokens")
    case .tokenOutOfRange(let token, let limit, let file):
      return Explanation(name, place: file, why: "a token has the number \(token), allowed are 0 to \(limit)")
    case .duplicateToken(let token, let file):
      return Explanation(name, place: file, why: "token \(token) is there twice")
    case .unknownToken(let text, let key, let file):
      return Explanation(
        name, place: "\(file), key \(key)", why: "it names the token “\(text)”, which the vocabulary lacks")
    case .addedTokenMismatch(let text, let stated, let expected, let file):
      return Explanation(
        name, place: file,
        why: "added token “\(text)” has the number \(stated), the vocabulary gives it \(expected)")
    case .tokenTooLong(let token, let count, let limit, let file):
      return Explanation(
        name, place: file, why: "token \(token) is \(count) bytes long, allowed are \(limit)")
    case .missingByteToken(let byte, let file):
      return Explanation(name, place: file, why: "no token stands for the byte \(byte)")
    }
  }
}
