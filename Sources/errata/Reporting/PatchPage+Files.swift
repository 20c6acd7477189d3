import Editing
import Floor
import ModelFiles
import Patches

extension PatchPage {
  /// What is touched, with the digests on both sides: what is checked before a byte is written, and what is checked after.
  var tensors: String? {
    guard !patch.changes.isEmpty || !patch.beside.isEmpty else { return nil }
    var rows = patch.changes.map { change in
      "<tr><th scope=\"row\">\(Self.escaped(change.name))</th><td class=\"way\">\(Self.escaped(Shown.words(for: change)))</td>"
        + "<td>\(change.elementType.rawValue)</td><td>\(Numbers.shape(change.shape))</td><td>\(Self.percent(change.changedShare))</td>"
        + "<td>\(Numbers.bytes(patch.storedByteCount(of: change)))</td>"
        + "\(Self.digest(change.before?.digest.hexadecimal))\(Self.digest(change.after?.digest.hexadecimal))</tr>"
    }
    rows += patch.beside.map { file in
      "<tr><th scope=\"row\">\(Self.escaped(file.name))</th><td class=\"way\">file \(Self.escaped(file.label))</td>"
        + "<td>–</td><td>–</td><td>–</td><td>–</td>\(Self.digest(nil))\(Self.digest(nil))</tr>"
    }
    let heads = ["change", "type", "shape", "elements", "in patch", "digest before", "digest after"]
    return Self.section(
      "What is touched",
      "Every other byte of the model stays. Before a byte is written each tensor must have the digest on the left, afterwards the one on the "
        + "right; <code>errata revert</code> leads back, bit for bit.",
      "<div class=\"scroll\"><table class=\"tensors\"><thead><tr><th>tensor</th>"
        + heads.map { "<th\($0 == "change" ? " class=\"way\"" : "")>\($0)</th>" }.joined()
        + "</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>")
  }

  private static func digest(_ digest: String?) -> String {
    guard let digest else { return "<td class=\"none\">–</td>" }
    return "<td class=\"digest\" title=\"\(digest)\">\(digest.prefix(12))…</td>"
  }

  /// How to let it in, and how to be rid of it.
  var application: String? {
    let name = Folder.name(of: patch.path)
    let word =
      name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-+".contains($0)) }
      ? name : "'" + name.replacing("'", with: "'\\''") + "'"
    let lines = [
      "errata verify \(word) MODEL", "errata apply \(word) MODEL -o EDITED",
      "errata revert \(word) EDITED -o RESTORED",
    ]
    let family = patch.manifest["model"]?["family"]?.text
    let items = [
      (
        "model",
        family.map { "of the family \($0), with the digests below “before”" }
          ?? "with the digests below “before”"
      ),
      ("digest of the patch", patch.digest.hexadecimal),
      ("signature", "a patch carries none; its digest covers every byte of it, so sign or compare that"),
      ("made by", patch.manifest["tool"]?.text ?? "an unknown tool"),
    ]
    let code = lines.map { Self.escaped($0) }.joined(separator: "\n")
    return Self.section(
      "How to apply it, and to take it back",
      patch.changesLayout ? "Headers or files change too: it goes to a new model (-o)." : nil,
      "<pre><code>\(code)</code></pre>" + Self.list(items), together: true)
  }

  /// The recipe, and what the making took where the patch records it.
  var making: String? {
    let edit = patch.manifest["edit"]
    var items = Shown.methods(edit).map { line -> (String, String) in
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      return (parts[0], String(parts.last!.drop { $0 == " " }))
    }
    if let source = edit?["recipe"]?["source"]?.text { items.append(("recipe", source)) }
    if let cost = WorkCost(ofEdit: edit) { items.append(("made in", cost.summary)) }
    return items.isEmpty ? nil : Self.section("How it was made", nil, Self.list(items))
  }

  /// Fact by fact beside another patch.
  var against: String? {
    guard let comparison else { return nil }
    let rows = comparison.facts.map { fact in
      "<tr><td class=\"fact\">\(Self.escaped(fact.text))</td><td class=\"way\">\(fact.relation.rawValue)</td>"
        + "<td>\(Self.percent(fact.first?.number("probabilityAfter")))</td><td>\(Self.percent(fact.second?.number("probabilityAfter")))</td></tr>"
    }
    return Self.section(
      "Beside \(Self.escaped(Folder.name(of: comparison.second.path)))",
      "p(target) after either edit; digest there: <code>\(comparison.second.digest.hexadecimal)</code>",
      "<div class=\"scroll\"><table class=\"changes\"><thead><tr><th>fact</th><th class=\"way\">is</th><th>here</th><th>there</th></tr></thead>"
        + "<tbody>\(rows.joined(separator: "\n"))</tbody></table></div>")
  }
}
