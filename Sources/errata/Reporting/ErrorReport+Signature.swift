import Floor
import ModelFiles
import Patches

extension ErrorReport {
  private static let makeKey = "make one for this: ssh-keygen -t ed25519 -N \"\" -f errata_key"
  private static var signElsewhere: String {
    "sign with ssh-keygen, which asks for it or its agent: ssh-keygen -Y sign -n \(PatchSignature.namespace) -f KEY PATCH"
  }

  static func explain(_ error: SignatureError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .notAKey(let file, let kind):
      let why =
        switch kind {
        case .publicKey: "it is the public half of a key; signing takes the private one"
        case .otherForm: "it is a private key in another form than OpenSSH's"
        case nil: "it is no private key of OpenSSH's form"
        }
      let advice =
        switch kind {
        case .publicKey: "the private half has usually the same name without .pub"
        case .otherForm, nil: makeKey
        }
      return Explanation(name, place: file, why: why, advice: advice)
    case .keyEncrypted(let file):
      return Explanation(
        name, place: file, why: "the key is locked by a passphrase, which errata does not ask for",
        advice: signElsewhere)
    case .keyType(let file, let type):
      return Explanation(
        name, place: file, why: "it is a key of type \(Quote.plain(type)); patches are signed by ssh-ed25519",
        advice: makeKey)
    case .keyIsOpen(let file, let mode):
      return Explanation(
        name, place: file,
        why: "others may read or write the private key: its mode is \(String(mode, radix: 8))",
        advice: "chmod 600 \(file)")
    case .badSigners(let file, let line, let problem):
      return Explanation(
        name, place: "\(file), line \(line)", why: words(problem),
        advice: "a line has names, perhaps options, and a key: ada@example.org ssh-ed25519 AAAAC3Nza…")
    case .noSigners(let file):
      return Explanation(
        name, place: file, why: "it allows nobody: it has no line with a key",
        advice: "a line has names, perhaps options, and a key: ada@example.org ssh-ed25519 AAAAC3Nza…")
    case .noKeysGiven:
      return Explanation(
        name, why: "a signature is required, and nothing says whose",
        advice: "give --trusted FILE, or name the file in the environment: ERRATA_TRUSTED=FILE")
    default: return explainSignature(error, name)
    }
  }

  private static func explainSignature(_ error: SignatureError, _ name: String) -> Explanation {
    switch error {
    case .unsigned(let patch, let signature):
      return Explanation(
        name, place: patch, why: "it is not signed: there is no \(signature)",
        advice:
          "get the signature from where the patch is from, and give it with --signature if its name is another"
      )
    case .badSignature(let file, let field):
      return Explanation(
        name, place: file, why: "it is no signature of OpenSSH's form: its \(field) is missing or malformed")
    case .otherNamespace(let file, let expected, let found):
      return Explanation(
        name, place: file,
        why: "it was made for \"\(Quote.plain(found))\"; patches are signed for \"\(expected)\"",
        advice: "ssh-keygen -Y sign -n \(expected) -f KEY PATCH, or errata sign")
    case .wrongSignature(let file, let patch):
      return Explanation(
        name, place: file, why: "it is not the signature of \(patch): one of the two was changed")
    case .otherKeyType(let file, let type):
      return Explanation(
        name, place: file,
        why: "it is by a key of type \(Quote.plain(type)); errata checks ssh-ed25519",
        advice:
          "ssh-keygen -Y verify -f SIGNERS -I NAME -n \(PatchSignature.namespace) -s \(file) <PATCH checks it"
      )
    case .untrusted(let file, let fingerprint, let signers, let problem):
      return Explanation(
        name, place: file,
        why: "it is by \(fingerprint), "
          + (problem.map { "and in \(signers) \(words($0))" } ?? "which is not among those of \(signers)"))
    case .signatureExists(let file):
      return Explanation(
        name, place: file, why: "another signature stands there already",
        advice: "remove it, or give -o \(file) to replace it")
    case .patchChanged(let file):
      return Explanation(name, place: file, why: "it changed while it was read")
    case .notAKey, .keyEncrypted, .keyType, .keyIsOpen, .badSigners, .noSigners, .noKeysGiven:
      preconditionFailure("errors of keys have their words elsewhere")
    }
  }

  private static func words(_ problem: SignersProblem) -> String {
    switch problem {
    case .form: "the line has not its three parts, or a quotation mark without its partner"
    case .option(let text): "the option \(Quote.plain(text)) is none that is known, or has no such value"
    case .key: "what stands where the key should is none"
    case .namespaces(let list):
      "that key is allowed for \"\(Quote.plain(list))\" only, not for \"\(PatchSignature.namespace)\""
    case .notYet(let time): "that key is not valid before \(Quote.plain(time))"
    case .expired(let time): "that key is no longer valid since \(Quote.plain(time))"
    case .authority: "that key signs certificates, which errata does not read"
    }
  }
}
