import ModelFiles
import Patches

/// A model's record, line by line, held against the model.
struct RecordAnswer {
  let record: PatchRecord
  let standing: [(tensors: Int, asRecorded: Int)]

  init(_ record: PatchRecord, _ model: ModelFile, _ threads: Int, _ output: OutputOptions) throws {
    self.record = record
    let progress = Progress("compare", total: record.byteCount(in: model), output)
    defer { progress.finish() }
    standing = try record.standing(in: model, threads: threads, progress: progress.advance)
    progress.finish()
  }

  /// Whether every tensor that a line names is as the last such line says.
  var agrees: Bool { standing.allSatisfy { $0.tensors == $0.asRecorded } }

  var text: String {
    var table = Table([
      ("time", .left), ("", .left), ("patch", .left), ("digest", .left), ("signed by", .left),
      ("the model now", .left),
    ])
    for (entry, standing) in zip(record.entries, standing) {
      func word(_ key: String) -> String { Numbers.oneLine(entry.json[key]?.text ?? "–") }
      let signer = entry.json["signature"]?["signer"]?.text.map(Numbers.oneLine) ?? "–"
      table.add([
        word("time"), word("direction"), word("patch"), String(word("digest").prefix(12)) + "…", signer,
        words(standing),
      ])
    }
    return "record: \(record.path)\n" + table.text()
  }

  private func words(_ standing: (tensors: Int, asRecorded: Int)) -> String {
    if standing.tensors == 0 { return "changed by a later line" }
    if standing.asRecorded == standing.tensors { return "as then" }
    return "\(standing.tensors - standing.asRecorded) of \(standing.tensors) tensors are others"
  }

  var json: JSONValue {
    [
      "file": .string(record.path), "agrees": .bool(agrees),
      "lines": .array(
        zip(record.entries, standing).map { entry, standing in
          .object(
            (entry.json.members ?? []) + [
              .init("lastToName", .integer(standing.tensors)),
              .init("asRecorded", .integer(standing.asRecorded)),
            ])
        }),
    ]
  }
}
