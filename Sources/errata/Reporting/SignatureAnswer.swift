import ModelFiles
import Patches

/// Who signed a patch, as an answer: that nobody trusted did is one too.
struct SignatureAnswer {
  let isTrusted: Bool
  let text: String
  let json: JSONValue

  /// Asks; `nil` where no keys are given.
  ///
  /// - Throws: what is wrong with the keys; what is wrong with the signature is the answer.
  init?(_ patch: PatchFile, _ trust: TrustOptions) throws {
    do {
      guard let answer = try trust.check(patch, isRequired: false) else { return nil }
      isTrusted = true
      text = "\(patch.path) is \(answer.text)"
      json = answer.json
    } catch let error as SignatureError {
      switch error {
      case .badSigners, .noSigners: throw error
      default: break
      }
      let explanation = ErrorReport.explain(error)
      isTrusted = false
      text = "\(patch.path) is not trusted\n  \(explanation.place ?? ""): \(explanation.why)"
      json = ["signer": .null, "name": .string(explanation.name), "why": .string(explanation.why)]
    }
  }

  /// What lies beside a patch, whoever it is of; `nil` where nothing does.
  static func beside(_ patch: PatchFile) -> (text: String, json: JSONValue)? {
    let path = patch.signaturePath
    guard Folder.occupied(path) else { return nil }
    do {
      let signature = try PatchSignature(path)
      try signature.check(patch)
      return (
        "signature: \(path), right for the key \(signature.key.fingerprint); whose that is, `errata verify --trusted` says",
        [
          "file": .string(path), "isValid": true, "keyType": .string(signature.key.type),
          "fingerprint": .string(signature.key.fingerprint),
        ]
      )
    } catch {
      let explanation = ErrorReport.explain(error)
      return (
        "signature: \(explanation.place ?? path): \(explanation.why)",
        [
          "file": .string(path), "isValid": false, "name": .string(explanation.name),
          "why": .string(explanation.why),
        ]
      )
    }
  }
}
