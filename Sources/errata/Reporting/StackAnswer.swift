import Floor
import ModelFiles
import Patches

/// Which of several patches a model carries, and which could come next.
struct StackAnswer {
  let patches: [PatchFile]
  let history: PatchHistory

  init(_ patches: [PatchFile], _ model: ModelFile, _ threads: Int, _ output: OutputOptions) throws {
    self.patches = patches
    let progress = Progress("compare", total: PatchHistory.byteCount(patches, model), output)
    defer { progress.finish() }
    history = try PatchHistory(patches, model, threads: threads, progress: progress.advance)
    progress.finish()
  }

  /// Whether the model is a state that the patches know.
  var isWhole: Bool {
    let states = history.standings
    return !states.contains(.partial)
      && states.contains { if case .applied = $0 { true } else { $0 == .next } }
  }

  /// One line for each patch.
  var text: String {
    var table = Table([("patch", .left), ("in the model", .left), ("facts", .right), ("made by", .left)])
    for (patch, standing) in zip(patches, history.standings) {
      let facts = PatchFact.all(of: patch).count
      table.add([
        Numbers.oneLine(patch.path), words(standing), facts == 0 ? "–" : "\(facts)",
        Numbers.oneLine(patch.manifest["tool"]?.text ?? "–"),
      ])
    }
    return table.text()
  }

  private func words(_ standing: PatchHistory.Standing) -> String {
    switch standing {
    case .applied(let place): "applied, number \(place)"
    case .next: "not yet; could come next"
    case .later(let after):
      after.isEmpty
        ? "not yet"
        : "not yet; after \(after.map { Numbers.oneLine(patches[$0].path) }.joined(separator: ", "))"
    case .partial: "partly applied"
    case .other: "no: neither leads here nor starts here"
    }
  }

  var json: [JSONValue] {
    zip(patches, history.standings).map { patch, standing in
      let name: String
      var (place, after) = (JSONValue.null, [Int]())
      switch standing {
      case .applied(let number): (name, place) = ("applied", .integer(number))
      case .next: name = "next"
      case .later(let others): (name, after) = ("later", others)
      case .partial: name = "partial"
      case .other: name = "other"
      }
      return [
        "patch": .string(patch.path), "digest": .string(patch.digest.hexadecimal), "state": .string(name),
        "place": place, "after": .array(after.map { .string(patches[$0].path) }),
        "facts": .integer(PatchFact.all(of: patch).count),
      ]
    }
  }

  func print(_ signatures: [JSONValue], _ output: OutputOptions) {
    output.answer(text)
    guard output.json else { return }
    let states = history.standings
    let state =
      states.contains(.partial)
      ? "partial" : !isWhole ? "other" : history.applied.isEmpty ? "base" : "edited"
    let object: JSONValue = [
      "state": .string(state),
      "patches": .array(
        zip(json, signatures).map { entry, signature in
          .object((entry.members ?? []) + [.init("signature", signature)])
        }),
    ]
    Console.output(object.indentedText)
  }
}
