import Floor
import ModelFiles
import Patches

extension Shown {
  /// Two patches, fact by fact and tensor by tensor.
  static func comparison(_ comparison: PatchComparison) -> Shown {
    let (first, second) = (comparison.first, comparison.second)
    let (facts, tensors) = (comparison.facts, comparison.tensors)
    var lines = ["patches: \(first.digest.hexadecimal) and \(second.digest.hexadecimal)"]
    if first.digest == second.digest { lines.append("  They are one patch.") }
    if !facts.isEmpty {
      var table = Table([
        ("fact", .left), ("is", .left), ("here", .right), ("there", .right), ("neighbors here", .right),
        ("there", .right),
      ])
      for fact in facts {
        table.add([
          fact.text, fact.relation.rawValue, percent(fact.first?.number("probabilityAfter")),
          percent(fact.second?.number("probabilityAfter")), percent(fact.first?.number("locality")),
          percent(fact.second?.number("locality")),
        ])
      }
      lines += ["facts: p(target) after the edit", table.text()]
    }
    var table = Table([
      ("tensor", .left), ("is", .left), ("‖Δ‖/‖W‖ here", .right), ("there", .right),
    ])
    for tensor in tensors {
      table.add([
        tensor.name, tensor.relation, percent(tensor.first?.relativeNorm),
        percent(tensor.second?.relativeNorm),
      ])
    }
    if !tensors.isEmpty { lines += ["tensors", table.text()] }
    return Shown(
      text: lines.joined(separator: "\n"),
      json: [
        "kind": "comparison", "digests": .array([first, second].map { .string($0.digest.hexadecimal) }),
        "facts": .array(facts.map(\.json)), "tensors": .array(tensors.map(\.json)),
      ])
  }

  private static func percent(_ value: Double?) -> String { value.map(Numbers.percent) ?? "–" }
}
