import ArgumentParser
import ModelFiles
import Patches

/// What is made of the signature of a whole model that lies beside it.
struct ModelSignatureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The public key (PEM) that model.sig beside the model must be by: the model is compared with all that it signs before a byte is written.",
      valueName: "file"), completion: .file())
  var modelKey: String?

  /// A signature that was checked.
  struct Answer {
    let signature: ModelSignature

    var json: JSONValue {
      [
        "file": .string(signature.path), "model": .string(signature.modelName),
        "files": .integer(signature.fileCount),
      ]
    }
  }

  /// Where the signature of a model lies, if it has one.
  private static func place(_ model: String) -> String {
    Folder.path(Folder.exists(model) ? model : Folder.containing(model), ModelSignature.fileName)
  }

  /// Demands the signature where a key is given; where none is, says that there is one that nobody checked.
  ///
  /// - Returns: `nil` where no signature was checked.
  func check(_ model: ModelFile, _ output: OutputOptions) throws -> Answer? {
    let place = Self.place(model.path)
    guard let modelKey else {
      if Folder.fileExists(place) { output.say("Note: \(place) signs the model; \(Self.unchecked(place))") }
      return nil
    }
    guard Folder.fileExists(place) else {
      throw ModelSignatureError.noSignature(model: model.path, signature: place)
    }
    let signature = try ModelSignature(place)
    try signature.check(key: modelKey)
    let progress = Progress("check", total: signature.byteCount(of: model), output)
    defer { progress.finish() }
    let records = try signature.check(filesOf: model, progress: progress.advance)
    progress.finish()
    for record in records {
      output.say("Note: \(record) is errata's record and no part of the model; \(place) does not sign it.")
    }
    let files = Numbers.count(signature.fileCount, "file")
    output.say("The model is as \(place) signs it: \(files), by the owner of \(modelKey).")
    return Answer(signature: signature)
  }

  /// Why a signature was not checked.
  private static func unchecked(_ place: String) -> String {
    do {
      switch try ModelSignature(place).signer {
      case .key: return "--model-key FILE, with the signer's public key, checks it."
      case .certificate: return "it is by a certificate, which errata does not check."
      }
    } catch { return "it cannot be read: \(ErrorReport.explain(error).why)." }
  }

  /// Says so where a signature no longer fits after an edit.
  func warn(_ change: ChangeOptions, _ output: OutputOptions) {
    guard Folder.fileExists(Self.place(change.model)) else { return }
    guard let target = change.output ?? (change.inPlace ? change.model : nil) else {
      output.say("Note: the edit would make \(Self.place(change.model)) void.")
      return
    }
    let signature = Self.place(target)
    guard Folder.fileExists(signature) else { return }
    output.say(
      "Note: \(signature) signs the files as they were before the edit, so it is void for \(target). "
        + "Sign it anew, or ship the patch with a signature of its own (`errata sign`) and leave the model as it is."
    )
  }
}
