import ModelFiles
import Patches

extension ErrorReport {
  static func explain(_ error: ModelSignatureError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .badBundle(let file, let field):
      return Explanation(
        name, place: file,
        why: "it is no signature of a model: \(field) is missing or not what OpenSSF Model Signing 1.0 writes"
      )
    case .otherForm(let file, let form):
      return Explanation(
        name, place: file,
        why:
          "it is of the form \(Quote.plain(form)); errata reads version 1.0 with files or shards and SHA-256",
        advice: "check it with model_signing verify")
    case .noSignature(let model, let signature):
      return Explanation(
        name, place: model, why: "--model-key is given, and there is no \(signature)",
        advice: "get \(ModelSignature.fileName) from where the model is from, and put it beside it")
    case .badKey(let file):
      return Explanation(
        name, place: file,
        why: "it is no public key: it has not the lines BEGIN PUBLIC KEY and END PUBLIC KEY around one",
        advice: "openssl pkey -in PRIVATE -pubout writes one")
    case .otherKeyKind(let file):
      return Explanation(
        name, place: file,
        why: "it is a key of another kind; models are signed by keys on P-256, P-384 or P-521")
    case .notByKey(let file):
      return Explanation(
        name, place: file, why: "it is by a certificate; errata checks signatures by plain keys",
        advice: "check it with model_signing verify, and leave --model-key out")
    case .otherKey(let file, let key, let expected, let found):
      return Explanation(
        name, place: file,
        why: "it is by the key \(Quote.plain(expected, limit: 64)), and \(key) is \(found)",
        advice: "give the public key of the one who signed the model")
    case .wrongSignature(let file, let key):
      return Explanation(
        name, place: file, why: "it is not a signature by \(key): it was changed, or another key made it")
    case .changed(let file, let signature):
      return Explanation(name, place: file, why: "it is not as \(signature) signs it")
    case .missing(let file, let signature):
      return Explanation(name, place: file, why: "\(signature) signs it, and it is not there")
    case .unsigned(let file, let signature):
      return Explanation(
        name, place: file, why: "it is in the model's folder, and \(signature) does not sign it",
        advice: "take it out of the folder, or check what it is")
    }
  }
}
