import ArgumentParser
import Glibc
import ModelFiles
import Patches

/// Options that say whose patches are taken.
struct TrustOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Take the patch only if one of these signed it: a file of allowed signers, as ssh-keygen -Y verify reads it.",
      valueName: "file"), completion: .file())
  var trusted: String?

  @Option(
    help: ArgumentHelp("The signature, where it is not PATCH.sig.", valueName: "file"), completion: .file())
  var signature: String?

  /// Who signed a patch; `nil` where nobody asks.
  struct Answer {
    let principals: String
    let signature: PatchSignature

    var json: JSONValue {
      [
        "file": .string(signature.path), "keyType": .string(signature.key.type),
        "fingerprint": .string(signature.key.fingerprint), "signer": .string(principals),
      ]
    }

    var text: String {
      "signed by \(Numbers.oneLine(principals)), \(signature.key.fingerprint)"
    }
  }

  /// Demands a signature of one who is trusted.
  ///
  /// - Parameter isRequired: whether the environment says who is, where the command line does not.
  /// - Returns: `nil` where no signature is asked for.
  func check(_ patch: PatchFile, isRequired: Bool) throws -> Answer? {
    guard let keys = trusted ?? (isRequired ? TrustOptions.fromEnvironment : nil) else {
      if isRequired { throw SignatureError.noKeysGiven }
      return nil
    }
    let signers = try AllowedSigners(keys)
    let path = signature ?? patch.signaturePath
    guard signature != nil || Folder.occupied(path) else {
      throw SignatureError.unsigned(patch: patch.path, signature: path)
    }
    let found = try PatchSignature(path)
    try found.check(patch)
    return Answer(principals: try signers.principals(of: found), signature: found)
  }

  private static var fromEnvironment: String? {
    getenv("ERRATA_TRUSTED").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// For commands that change models: a machine may be told to take signed patches only.
struct RequiredTrustOptions: ParsableArguments {
  @Flag(
    help: "Refuse a patch that nobody trusted has signed; without --trusted, ERRATA_TRUSTED names the file.")
  var requireSignature = false

  @OptionGroup var trust: TrustOptions

  func validate() throws {
    if trust.signature != nil, trust.trusted == nil, !requireSignature {
      throw ValidationError("--signature goes with --trusted or --require-signature.")
    }
  }

  /// Demands what is asked for, and says who signed.
  func check(_ patch: PatchFile, _ output: OutputOptions) throws -> TrustOptions.Answer? {
    let answer = try trust.check(patch, isRequired: requireSignature)
    if let answer { output.say("\(patch.path) is \(answer.text).") }
    return answer
  }
}
