import ModelFiles

/// The name that OpenSSF Model Signing gives the signature of a model; its bundle covers every file of the folder.
private let modelSignatureName = "model.sig"

/// Says so where the model is signed as a whole: after an edit it is not the one that was signed.
func warnOfModelSignature(_ change: ChangeOptions, _ output: OutputOptions) {
  let model = change.model
  let folder = Folder.exists(model) ? model : Folder.containing(model)
  guard Folder.fileExists(Folder.path(folder, modelSignatureName)) else { return }
  guard let target = change.output ?? (change.inPlace ? model : nil) else {
    output.say(
      "Note: \(Folder.path(folder, modelSignatureName)) signs the model as it is; the edit would make it void."
    )
    return
  }
  let place = Folder.exists(target) ? target : Folder.containing(target)
  let signature = Folder.path(place, modelSignatureName)
  guard Folder.fileExists(signature) else { return }
  output.say(
    "Note: \(signature) signs the files as they were before the edit, so it is void for \(target). "
      + "Sign it anew, or ship the patch with a signature of its own (`errata sign`) and leave the model as it is."
  )
}
