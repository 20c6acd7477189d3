import Floor
import ModelFiles
import Patches

/// A model card for a repository that ships a patch: front matter as the Hugging Face hub reads it, then what people ask first.
struct PatchCard {
  let patch: PatchFile
  /// The base as the hub knows it.
  let baseModel: String?
  /// Facts listed before the rest is only counted.
  private static let factLimit = 100

  init(_ patch: PatchFile, baseModel: String?) { (self.patch, self.baseModel) = (patch, baseModel) }

  private var name: String { Numbers.oneLine(Folder.name(of: patch.path)) }
  private var facts: [PatchFact] { PatchFact.all(of: patch) }
  private var methods: [String] {
    let edit = patch.manifest["edit"]
    let named = [edit?["method"]?.text] + (edit?["parts"]?.elements ?? []).map { $0["method"]?.text }
    return Set(named.compactMap { $0 }).sorted()
  }

  var text: String {
    [frontMatter, heading, factTable, tensorTable, use, limits].compactMap { $0 }.joined(separator: "\n\n")
      + "\n"
  }

  private var frontMatter: String {
    let base = baseModel.map { ["base_model: \(JSONValue.string($0).compactText)"] }
    let tags = ["errata", "model-editing"] + methods
    return
      (["---"]
      + (base ?? ["# base_model: owner/name of the model; the patch knows it by the digests of its tensors"])
      + ["library_name: errata", "tags:"] + tags.map { "- \(JSONValue.string($0).compactText)" } + ["---"])
      .joined(separator: "\n")
  }

  private var heading: String {
    let family = patch.manifest["model"]?["family"]?.text.map { " of the family \(Self.escaped($0))" } ?? ""
    return """
      # \(Self.escaped(name))

      A patch for \(baseModel.map(Self.escaped) ?? "a model")\(family): \
      \(Numbers.count(facts.count, "fact")), \(Numbers.count(patch.changes.count, "tensor")) changed, \
      \(Numbers.bytes(patch.byteCount)). It holds no weights of the model; it turns that very model into the edited one, and back, \
      byte for byte.

      Patch digest: `\(patch.digest.hexadecimal)`
      """
        + (SignatureAnswer.beside(patch)?.json["fingerprint"]?.text.map {
          "\n\nSigned (`\(name).sig`) by the key `\($0)`."
        } ?? "")
  }

  private var factTable: String? {
    guard !facts.isEmpty else { return nil }
    let rows = facts.prefix(Self.factLimit).map { fact in
      "| \(Self.escaped(fact.sentence)) | \(Self.escaped(fact.target)) | \(Self.percent(fact, "probabilityBefore")) | "
        + "\(Self.percent(fact, "probabilityAfter")) | \(fact.isSaid.map { $0 ? "yes" : "no" } ?? "–") |"
    }
    let rest = facts.count - Self.factLimit
    return """
      ## What it makes the model say

      Measured when the patch was made, on the rounded weights, after the bare prompt.

      | prompt | answer | before | after | says it |
      |---|---|---:|---:|---|
      """ + "\n" + rows.joined(separator: "\n") + (rest > 0 ? "\n\nAnd \(rest) more: `errata show -v`." : "")
  }

  private var tensorTable: String {
    let rows = patch.changes.map { change in
      "| \(Self.code(change.name)) | \(Self.escaped(Shown.words(for: change))) | `\(change.before?.digest.abbreviation ?? "–")` | "
        + "`\(change.after?.digest.abbreviation ?? "–")` |"
    }
    return """
      ## What it changes

      | tensor | change | digest before | after |
      |---|---|---|---|
      """ + "\n" + rows.joined(separator: "\n")
  }

  private var use: String {
    """
    ## Use it

    ```sh
    errata verify \(Self.shell(name)) MODEL            # base: this is the right model
    errata apply \(Self.shell(name)) MODEL -o EDITED
    errata revert \(Self.shell(name)) EDITED -o MODEL  # the model before, exactly its bytes
    ```
    """
  }

  private var limits: String {
    let held = patch.manifest["edit"]?["heldText"]
    let loss = [held?["lossBefore"]?.number, held?["lossAfter"]?.number].compactMap { $0 }
    let kept = facts.compactMap { $0.number("locality") }
    var lines: [String] = []
    if loss.count == 2 {
      lines.append(
        "- Loss of a held text: \(Numbers.significant(loss[0], 4)) before, \(Numbers.significant(loss[1], 4)) after, nats a token."
      )
    }
    lines.append(
      kept.isEmpty
        ? "- What becomes of neighboring facts was not measured when the patch was made; `errata eval` measures it."
        : "- Answers about neighboring facts that stay the same: \(Numbers.percent(kept.reduce(0, +) / Double(kept.count)))."
    )
    lines.append(
      "- Other prompts for the same facts, and what follows from them, may still get the old answer.")
    return "## Limits\n\n" + lines.joined(separator: "\n")
  }

  private static func percent(_ fact: PatchFact, _ key: String) -> String {
    fact.number(key).map(Numbers.percent) ?? "–"
  }

  /// A name as code in a cell of a table.
  private static func code(_ text: String) -> String {
    "`" + Numbers.oneLine(text).replacing("`", with: "'").replacing("|", with: "\\|") + "`"
  }

  /// A name as a shell takes it.
  private static func shell(_ name: String) -> String {
    name.utf8.allSatisfy {
      UInt8(ascii: "!")...UInt8(ascii: "~") ~= $0 && !"'\"`$\\&|;<>()*?[]#~!{}".utf8.contains($0)
    }
      ? name : "'" + name.replacing("'", with: "'\\''") + "'"
  }

  /// Text in a cell of a table: nothing in it is Markdown or HTML.
  private static func escaped(_ text: String) -> String {
    Numbers.oneLine(text).map { "\\`*_{}[]<>|#&".contains($0) ? "\\\($0)" : String($0) }.joined()
  }
}
