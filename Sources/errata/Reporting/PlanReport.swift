import Editing
import Evaluation
import Floor
import ModelFiles
import Transformer

/// What an edit will take, for people and as JSON.
struct PlanReport {
  let plan: WorkPlan
  let network: Network
  /// Of the corpus; `nil` where statistics are there.
  let tokens: Int?
  let layers: [Int]

  /// Seconds as hours, or as something shorter where they are few.
  static func hours(_ seconds: Double) -> String {
    seconds < 60
      ? Numbers.significant(seconds, 2) + " s"
      : seconds < 3600
        ? Numbers.significant(seconds / 60, 2) + " min" : Numbers.significant(seconds / 3600, 3) + " h"
  }

  var text: String {
    var table = Table([
      ("phase", .left), ("processor", .right), ("memory", .right), ("disk", .right), ("parts", .right),
    ])
    for phase in plan.phases {
      table.add([
        phase.name.rawValue, Self.hours(phase.processorSeconds), Numbers.bytes(phase.memory),
        Numbers.bytes(phase.disk), "\(phase.parts)",
      ])
    }
    let rows = plan.values.batches.reduce(0) { $0 + $1.rows }
    var lines = [
      "\(Numbers.count(plan.values.facts, "fact")) in layers \(layers.map(String.init).joined(separator: ", ")): \(Numbers.quantity(rows)) positions from the subjects on"
        + (tokens.map { ", \(Numbers.quantity($0)) tokens of text" } ?? "") + ".",
      table.text(),
      "Hours are of one processor, all parts together, and the most that steps can take; memory is each process's; parts: so many tasks have work.",
    ]
    let limit = MemoryLimit.byteCount
    if let phase = plan.phases.max(by: { $0.memory < $1.memory }), phase.memory > limit {
      lines.append(
        "Warning: \(phase.name.rawValue) takes \(Numbers.bytes(phase.memory)), and there are \(Numbers.bytes(limit))."
      )
    }
    return lines.joined(separator: "\n")
  }

  func json(script: String?) -> JSONValue {
    let cost = plan.cost
    var members: [JSONValue.Member] = [
      .init("facts", .integer(plan.values.facts)), .init("layers", .array(layers.map { .integer($0) })),
    ]
    if let tokens { members.append(.init("tokens", .integer(tokens))) }
    members += [
      .init(
        "phases",
        .array(
          plan.phases.map {
            [
              "name": .string($0.name.rawValue), "processorSeconds": .measured($0.processorSeconds),
              "memory": .integer($0.memory), "disk": .integer($0.disk), "parts": .integer($0.parts),
            ]
          })),
      .init(
        "rates",
        [
          "forward": .measured(cost.forward), "backward": .measured(cost.backward),
          "logits": .measured(cost.logits), "logitsBackward": .measured(cost.logitsBackward),
          "rowBytes": .integer(cost.rowByteCount), "tapeBytes": .integer(cost.tapeByteCount),
          "sum": .measured(plan.rates.sum), "factor": .measured(plan.rates.factor),
          "form": .measured(plan.rates.form),
        ]),
    ]
    if let script { members.append(.init("script", .string(script))) }
    return .object(members)
  }
}
