internal import Editing
internal import Floor
internal import ModelFiles
internal import Patches
internal import Transformer

/// Makes the memories of one method, each a patch that is removed again.
struct MemoryMaker {
  let model: LanguageModel
  let method: MemoryMethod
  let aids: EditAids
  /// The beginning of the names of files that are written on the way.
  let scratch: String

  /// A memory of some facts, as `edit` makes it by default.
  func edit(_ records: [FactRecord]) throws -> MemoryEdit {
    var edit = MemoryEdit(method, of: records, for: model)
    edit.embedding = method.embedding
    if method.asksSecondModel, let second = aids.seconds.first {
      edit.action = edit.action.asking(second.digest)
    }
    guard let kind = method.trainedKind else { return edit }
    guard let editor = aids.editors.first(where: { $0.kind == kind }) else {
      throw EditError.optionNeeds(
        "--edit \(method.name)", other: "--editor FILE, which `errata train --editor \(kind)` makes")
    }
    edit.scopes = .trained(editor)
    return edit
  }

  /// Everything that the memory depends on beside the model.
  func identity(_ records: [FactRecord]) -> String {
    let facts = records.map { "\($0.fact)" }.joined(separator: "\n")
    // Of the records' probes a route may take its numbers.
    let probes = method.embedding == nil ? "" : records.map { "\($0.fingerprint)" }.joined(separator: "\n")
    let editor = aids.editors.first { $0.kind == method.trainedKind }?.identity.text ?? ""
    let second = method.asksSecondModel ? aids.seconds.first?.digest.hexadecimal ?? "" : ""
    return "memory \(method.name) \(editor)\(second)\n\(facts)\n\(probes)"
  }

  /// The unedited network, and the memory beside it.
  func make(_ records: [FactRecord]) throws -> EvaluationSeries.Part.Made {
    let path = "\(scratch).\(method.name).memory"
    defer { Folder.remove(path) }
    let (written, taken) = try MadeEdit.measured(facts: { _ in records.count }) {
      let patch = try edit(records).write(to: path, tool: "eval").patch
      return (patch: patch, model: try model.applying([patch], answeringWith: aids.seconds))
    }
    var made = taken
    made.patchByteCount = written.patch.byteCount
    return .init(network: written.model.network, edit: made, memory: written.model.memory)
  }
}
