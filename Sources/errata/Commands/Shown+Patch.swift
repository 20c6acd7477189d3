import Editing
import Floor
import ModelFiles
import Patches

extension Shown {
  /// Facts listed before the rest is only counted.
  private static let factLimit = 20

  /// A patch: where it came from, what it changes, what it achieved.
  static func patch(_ patch: PatchFile, verbose: Bool) throws -> Shown {
    var lines = [
      "patch: version 1, \(Numbers.bytes(patch.byteCount)), made by \(Numbers.oneLine(patch.manifest["tool"]?.text ?? "an unknown tool"))",
      "digest: \(patch.digest.hexadecimal)",
    ]
    if let family = patch.manifest["model"]?["family"]?.text {
      lines.append("family: \(Numbers.oneLine(family))")
    }
    let edit = try patch.edit()
    let memory = memory(patch)
    lines += memory.isEmpty || !patch.changes.isEmpty ? methods(edit) : []
    lines += memory
    if !patch.changes.isEmpty || memory.isEmpty {
      lines.append(patch.changes.isEmpty ? "  No tensor changes." : tensorTable(patch))
    }
    if patch.changes.count > 1 {
      let bytes = patch.changes.reduce(0) { $0 + $1.byteCount }
      let stored = patch.changes.reduce(0) { $0 + patch.storedByteCount(of: $1) }
      lines.append(
        "  \(Numbers.count(patch.changes.count, "tensor")), \(Numbers.bytes(bytes)), in \(Numbers.bytes(stored))"
      )
    }
    if patch.canBeResolved {
      lines.append("  \(Numbers.bytes(patch.resolveByteCount)) for solving again (edit --onto, --drop)")
    }
    if patch.changesLayout { lines.append("  Headers or files change too: apply it with -o.") }
    if !patch.beside.isEmpty {
      let files = patch.beside.map { "\(Numbers.oneLine($0.name)) (\($0.label))" }.joined(separator: ", ")
      lines.append("  Beside the weights: \(files)")
    }
    if let facts = edit?["facts"]?.elements, !facts.isEmpty {
      lines.append(
        patch.changes.isEmpty && patch.memory != nil
          ? rememberedTable(facts, verbose: verbose) : factTable(facts, verbose: verbose))
    }
    if let cost = WorkCost(ofEdit: edit) { lines.append(cost.text) }
    let signature = SignatureAnswer.beside(patch)
    if let signature { lines.insert(signature.text, at: 2) }
    return Shown(
      text: lines.joined(separator: "\n"),
      json: .object(json(patch, edit) + [.init("signature", signature?.json ?? .null)]))
  }

  private static func tensorTable(_ patch: PatchFile) -> String {
    var table = Table([
      ("tensor", .left), ("type", .left), ("shape", .left), ("change", .left), ("elements", .right),
      ("‖Δ‖/‖W‖", .right), ("retention", .right), ("in patch", .right), ("", .left),
    ])
    let largest = patch.changes.compactMap(\.relativeNorm).max() ?? 0
    for change in patch.changes {
      table.add([
        change.name, change.elementType.rawValue, Numbers.shape(change.shape), words(for: change),
        percent(change.changedShare), percent(change.relativeNorm),
        percent(change.measured?["retention"]?.number), Numbers.bytes(patch.storedByteCount(of: change)),
        patch.changes.count > 1 ? Numbers.bar(change.relativeNorm ?? 0, of: largest) : "",
      ])
    }
    return table.text()
  }

  /// The kind of change, and what there is to say about it.
  static func words(for change: TensorChange) -> String {
    switch change.kind {
    case .scaled(let own): return scaled(by: shortest(own.gain, change.elementType))
    case .lowRank(let own):
      let rounding = own.shape.rounding == .nearest ? "" : ", \(own.shape.rounding.label)"
      return "rank \(own.shape.rank), \(own.shape.factorType.rawValue)\(rounding)"
    case .resized(let own):
      return "\(own.otherRows) rows \(own.isLonger ? "added" : "removed")"
    case .extended(let own):
      let unit = own.axis == 0 ? "rows" : "columns"
      return "\(own.otherExtent) \(unit) \(own.isLonger ? "added" : "removed")"
    case .difference, .replaced, .added, .removed: return change.label
    }
  }

  /// "scaled by 0.9", "scaled by 2".
  static func scaled(by gain: Double) -> String {
    let text = "\(gain)"
    return "scaled by \(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)"
  }

  /// The decimal with the fewest digits that stands for the gain in the tensor's arithmetic.
  static func shortest(_ gain: Double, _ type: ElementType) -> Double {
    type == .f64 ? gain : Double("\(Float(gain))") ?? gain
  }

  /// How the edits were made; of a combined patch, for each part of them.
  static func methods(_ edit: JSONValue?) -> [String] {
    guard let parts = edit?["parts"]?.elements else {
      return edit?["method"]?.text.map { ["method: \(Numbers.oneLine($0))\(settings(edit?["recipe"]))"] }
        ?? []
    }
    let facts = edit?["facts"]?.elements ?? []
    return parts.enumerated().compactMap { place, part in
      guard let method = (part["method"] ?? edit?["method"])?.text else { return nil }
      let own = Numbers.count(facts.count { $0["part"]?.integer == place }, "fact")
      return "method: \(Numbers.oneLine(method))\(settings(part["recipe"] ?? edit?["recipe"])), \(own)"
    }
  }

  private static func settings(_ recipe: JSONValue?) -> String {
    let shown = (recipe?.members ?? []).compactMap { member -> String? in
      switch member.value {
      case .integer(let number): return "\(Numbers.oneLine(member.key)) \(number)"
      case .number(let number): return "\(Numbers.oneLine(member.key)) \(Numbers.significant(number, 4))"
      case .string(let name) where member.key == "like": return "like \(Numbers.oneLine(name))"
      case .bool(true) where member.key == "widen": return "widen"
      case .array(let list):
        return "\(Numbers.oneLine(member.key)) "
          + list.compactMap { $0.integer.map(String.init) }.joined(separator: " ")
      default: return nil
      }
    }
    return shown.isEmpty ? "" : " (\(shown.joined(separator: ", ")))"
  }

  private static func percent(_ value: Double?) -> String { value.map(Numbers.percent) ?? "–" }

  /// One line per edit.
  static func factTable(_ facts: [JSONValue], verbose: Bool) -> String {
    var table = Table([
      ("edit", .right), ("fact", .left), ("not stored", .right), ("written", .right), ("retention", .right),
    ])
    for (number, fact) in facts.enumerated().prefix(verbose ? facts.count : factLimit) {
      let fact = PatchFact(fact)
      table.add([
        "\(number + 1)", fact.text, percent(fact.number("memorizationError")),
        percent(fact.number("writtenFraction")), percent(fact.number("retention")),
      ])
    }
    let rest = facts.count - factLimit
    return table.text() + (rest > 0 && !verbose ? "\n  … and \(rest) more (-v shows all)" : "")
  }

  /// One line per fact of a memory, which measures nothing.
  private static func rememberedTable(_ facts: [JSONValue], verbose: Bool) -> String {
    let shown = facts.enumerated().prefix(verbose ? facts.count : factLimit)
    let lines = shown.map { "  \($0 + 1)  \(PatchFact($1).text)" }
    let rest = facts.count - shown.count
    return (lines + (rest > 0 ? ["  … and \(rest) more (-v shows all)"] : [])).joined(separator: "\n")
  }

  /// The gain of a scaled tensor, `null` for others.
  static func gain(of change: TensorChange) -> JSONValue {
    change.scaled.map { .number(shortest($0.gain, change.elementType)) } ?? .null
  }

  private static func json(_ patch: PatchFile, _ edit: JSONValue?) -> [JSONValue.Member] {
    let object: JSONValue = [
      "kind": "patch", "version": 1, "digest": .string(patch.digest.hexadecimal),
      "bytes": .integer(patch.byteCount),
      "tool": patch.manifest["tool"] ?? .null,
      "model": patch.manifest["model"] ?? .null,
      "edit": edit ?? .null,
      "tensors": .array(
        patch.changes.map { change in
          let shape = change.lowRank?.shape
          return [
            "name": .string(change.name), "change": .string(change.label),
            "rank": .integer(shape?.rank ?? 0), "gain": gain(of: change),
            "bytes": .integer(patch.storedByteCount(of: change)),
            "type": .string(change.elementType.rawValue), "shape": .array(change.shape.map { .integer($0) }),
            "orientation": shape.map { .string($0.orientation.rawValue) } ?? .null,
            "factorType": shape.map { .string($0.factorType.rawValue) } ?? .null,
            "rounding": shape.map { .string($0.rounding.label) } ?? .null,
            "baseDigest": change.before.map { .string($0.digest.hexadecimal) } ?? .null,
            "resultDigest": change.after.map { .string($0.digest.hexadecimal) } ?? .null,
            "measured": change.measured ?? .null,
          ]
        }),
      "files": .array(
        patch.beside.map {
          [
            "name": .string($0.name), "change": .string($0.label),
            "baseBytes": $0.baseByteCount.map { .integer($0) } ?? .null,
            "resultBytes": $0.resultByteCount.map { .integer($0) } ?? .null,
          ]
        }),
    ]
    return (object.members ?? []) + (patch.memory == nil ? [] : [.init("memory", memoryJSON(patch))])
  }
}
