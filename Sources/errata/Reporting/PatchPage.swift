import Editing
import ModelFiles
import Patches

/// A patch as a page for those who are to let it in: what it makes the model say, what that cost, what it touches, and how to
/// apply it and take it back.
struct PatchPage: Page {
  let patch: PatchFile
  /// With another patch, if it is to be held against one.
  let comparison: PatchComparison?

  init(_ patch: PatchFile, _ comparison: PatchComparison?) {
    (self.patch, self.comparison) = (patch, comparison)
  }

  private var name: String { Folder.name(of: patch.path) }
  private var edit: JSONValue? { patch.manifest["edit"] }
  var facts: [PatchFact] { PatchFact.all(of: patch) }

  var kicker: String { "errata patch" }
  var title: String { "\(name) · errata patch" }
  var heading: String { name }
  var lead: String {
    let what = facts.isEmpty ? "" : "\(Numbers.count(facts.count, "fact")), "
    return what
      + "\(Numbers.count(patch.changes.count, "tensor")) changed, \(Numbers.bytes(patch.byteCount))."
  }

  var sections: [String] {
    [factTable, cost, against, layers, norms, tensors, application, making].compactMap { $0 }
  }

  /// What the patch makes the model say, and at whose cost.
  private var factTable: String? {
    guard !facts.isEmpty else { return nil }
    let hasNeighbors = facts.contains { $0.number("locality") != nil }
    let rows = facts.map { fact in
      let kind = fact.isSaid.map { $0 ? "good" : "bad" } ?? ""
      let kept = hasNeighbors ? Self.share(fact.number("locality")) : ""
      return
        "<tr><td class=\"fact\">\(Self.escaped(fact.sentence)) <b class=\"\(kind)\">\(Self.escaped(fact.target))</b></td>"
        + "<td>\(Self.percent(fact.number("probabilityBefore")))</td><td>\(Self.percent(fact.number("probabilityAfter")))</td>"
        + "<td>\(Self.change(fact.number("probabilityBefore"), fact.number("probabilityAfter")))</td>"
        + "<td>\(fact.isSaid.map { $0 ? "yes" : "<span class=\"bad\">no</span>" } ?? "–")</td>\(kept)"
        + "\(Self.share(fact.number("writtenFraction")))\(Self.share(fact.number("retention")))</tr>"
    }
    let heads =
      ["before", "after", "○ before ● after", "says it"] + (hasNeighbors ? ["neighbors kept"] : [])
      + ["written", "kept by rounding"]
    return Self.section(
      "What it makes the model say",
      "p(target) after the bare prompt, in percent, as measured on the rounded weights when the patch was made. Written: how much of the "
        + "wanted change the update stores; neighbors kept: of the fact's first neighbor prompts, those with the same answer as before.",
      "<div class=\"scroll\"><table class=\"changes\"><thead><tr><th>fact</th>"
        + heads.map { "<th>\($0)</th>" }.joined()
        + "</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>")
  }

  /// What else the model says differently now.
  private var cost: String? {
    var items: [(String, String)] = []
    if let said = count(\.isSaid) { items.append(("facts that the model says now", said)) }
    let kept = facts.compactMap { $0.number("locality") }
    if !kept.isEmpty {
      items.append(("neighbors' answers kept", Numbers.percent(kept.reduce(0, +) / Double(kept.count))))
    } else if !facts.isEmpty {
      items.append(("neighbors' answers kept", "not measured: the facts came without neighbor prompts"))
    }
    if let before = edit?["heldText"]?["lossBefore"]?.number,
      let after = edit?["heldText"]?["lossAfter"]?.number
    {
      items.append(
        (
          "loss of a held text",
          "\(Numbers.significant(before, 4)) → \(Numbers.significant(after, 4)) nats a token"
        ))
    }
    if let largest = patch.changes.compactMap(\.relativeNorm).largest {
      items.append(("largest ‖Δ‖/‖W‖", Numbers.percent(largest)))
    }
    return items.isEmpty ? nil : Self.section("What it costs", nil, Self.list(items), together: true)
  }

  private func count(_ value: (PatchFact) -> Bool?) -> String? {
    let known = facts.compactMap(value)
    return known.isEmpty ? nil : "\(known.count { $0 }) of \(known.count)"
  }

  /// Layers from the first to the last that is touched, a column each.
  private var layers: String? {
    var norms: [Int: Double] = [:]
    for change in patch.changes {
      if let layer = change.layer, let norm = change.relativeNorm, norm.isFinite {
        norms[layer] = max(norms[layer] ?? 0, norm)
      }
    }
    // A name may hold any number; a picture has room for so many layers.
    guard let last = norms.keys.max(), last < 512, norms.count > 1, let largest = norms.values.max() else {
      return nil
    }
    let (width, height, bottom) = (max(18.0 * Double(last + 1), 60), 110.0, 16.0)
    let columns = (0...last).map { layer in
      let x = 18 * Double(layer)
      let size = (norms[layer] ?? 0) / max(largest, 1e-12) * (height - bottom - 4)
      let label =
        "<text class=\"tick\" x=\"\(Numbers.fixed(x + 9, 1))\" y=\"\(Numbers.fixed(height - 3, 1))\" text-anchor=\"middle\">\(layer)</text>"
      guard let norm = norms[layer] else { return label }
      return
        "<rect class=\"column\" x=\"\(Numbers.fixed(x + 3, 1))\" width=\"12\" y=\"\(Numbers.fixed(height - bottom - size, 1))\" height=\"\(Numbers.fixed(size, 1))\"><title>layer \(layer): \(Numbers.percent(norm))</title></rect>"
        + label
    }
    return Self.section(
      "Where in the network",
      "‖Δ‖/‖W‖ of the weight that moves most in each layer, up to \(Numbers.percent(largest)).",
      "<div class=\"scroll\"><svg viewBox=\"0 0 \(Numbers.fixed(width, 0)) \(Numbers.fixed(height, 0))\" width=\"\(Numbers.fixed(width, 0))\" role=\"img\">"
        + "<line class=\"grid\" x1=\"0\" x2=\"\(Numbers.fixed(width, 0))\" y1=\"\(Numbers.fixed(height - bottom, 1))\" y2=\"\(Numbers.fixed(height - bottom, 1))\"/>"
        + "\(columns.joined())</svg></div>", together: true)
  }

  private var norms: String? {
    let found = patch.changes.compactMap { change in
      change.relativeNorm.map { (weight: change.name, norm: $0) }
    }
    guard !found.isEmpty else { return nil }
    return Self.section(
      "How far the weights moved", "‖Δ‖ / ‖W‖, Frobenius, for each tensor.", Self.bars([("", found)]))
  }
}

extension PatchPage {
  static func percent(_ value: Double?) -> String { value.map(Numbers.percent) ?? "–" }

  /// A share with a bar behind it.
  static func share(_ value: Double?) -> String {
    guard let value, value.isFinite else { return "<td class=\"none\">–</td>" }
    let width = Numbers.fixed(min(max(value, 0), 1) * 100, 1)
    return "<td class=\"bar\" style=\"--w:\(width)%\">\(Numbers.percent(value))</td>"
  }

  /// Terms with what there is to say of each.
  static func list(_ items: [(String, String)]) -> String {
    "<dl class=\"facts\">"
      + items.map { "<dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd>" }.joined() + "</dl>"
  }
}
