import Editing
import ModelFiles

/// What a run of `trace` found, for people and scripts.
struct TraceReport {
  let model: String
  let facts: String
  let file: TraceFile
  let settings: TraceSettings
  /// The noise's standard deviation.
  let deviation: Double
  /// Layers of a recipe for several.
  let layerCount: Int
  let summary: TraceSummary
  /// The layers that it would have; `nil` where it cannot say.
  let choice: TraceSummary.Choice?

  init(
    model: String, facts: String, file: TraceFile, settings: TraceSettings, deviation: Double,
    layerCount: Int
  ) {
    (self.model, self.facts, self.file, self.settings) = (model, facts, file, settings)
    (self.deviation, self.layerCount) = (deviation, layerCount)
    summary = file.summary
    choice = summary.choice(of: layerCount)
  }

  /// Facts below which means say little.
  private static let few = 10

  var warnings: [String] {
    if summary.factCount == 0 {
      return [
        "the model knows none of the facts: nothing was traced. `errata ask` shows what it says; -v lists it here."
      ]
    }
    return summary.factCount < Self.few
      ? [
        "the model knows \(Numbers.count(summary.factCount, "fact")) of these: means over so few say little."
      ] : []
  }

  /// The layers, and why.
  var choiceWords: String? {
    choice.map { choice in
      let layers = choice.layers.map(String.init).joined(separator: ", ")
      return
        "Layers for edits: \(layers) (one layer: \(choice.peak)). At the subjects' last tokens, feed-forwards around these bring back "
        + "\(Numbers.percent(choice.meanEffect)) of probability on average, the most of any \(choice.layers.count) layers side by side; over all layers "
        + "it is \(Numbers.percent(choice.meanOfAll)), at its peak, layer \(choice.peak), \(Numbers.percent(choice.peakEffect))."
    }
  }

  func text(verbose: Bool) -> String {
    var parts = [lead]
    parts += settings.kinds.compactMap { kind in
      heatMap(kind).map { title(of: kind) + "\n" + $0 }
    }
    if let choiceWords { parts.append(choiceWords) }
    if verbose, !file.unknown.isEmpty {
      var table = Table([("not known", .left), ("answer", .left), ("said", .left)])
      for fact in file.unknown { table.add([fact.identifier, fact.name[2], fact.said]) }
      parts.append(table.text())
    }
    return parts.joined(separator: "\n\n")
  }

  var lead: String {
    let known =
      "\(Numbers.count(summary.factCount, "fact")) traced, \(summary.unknownCount) not known to the model"
    guard summary.factCount > 0 else { return known + "." }
    return known
      + "; the answer's probability is \(Numbers.percent(summary.clean)) on average, \(Numbers.percent(summary.corrupted)) with noise of "
      + "\(Numbers.significant(deviation, 3)) (\(Numbers.significant(settings.noise, 3)) σ) on the subject."
  }

  func title(of kind: TraceKind) -> String {
    switch kind {
    case .hidden: "Hidden state restored after one layer: mean effect"
    case .mlp: "Outputs of feed-forwards restored in windows of \(settings.window) layers: mean effect"
    case .attention: "Outputs of attention restored in windows of \(settings.window) layers: mean effect"
    }
  }

  /// A line for each kind of token, a cell for each layer.
  private func heatMap(_ kind: TraceKind) -> String? {
    guard let effects = summary.effects[kind] else { return nil }
    let largest = effects.values.joined().max() ?? 0
    let shades = Array(" ·░▒▓█")
    var ruler = ""
    for layer in 0..<file.layerCount where layer % 5 == 0 && ruler.count <= layer {
      ruler += String(repeating: " ", count: layer - ruler.count) + String(layer)
    }
    var table = Table([("layer", .left), (ruler, .left), ("peak", .right), ("at", .right)])
    for token in TokenClass.allCases {
      guard let row = effects[token] else { continue }
      let cells = row.map { value in
        shades[largest > 0 ? Int((5 * min(max(value / largest, 0), 1)).rounded()) : 0]
      }
      let peak = row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      table.add([token.title, String(cells) + "|", Numbers.percent(row[peak]), String(peak)])
    }
    return table.text()
  }

  /// The chosen layers as a recipe.
  func recipe(or source: String) throws -> JSONValue {
    guard let choice else { throw EditError.traceChoosesNothing(file: source) }
    return [
      "layers": .array(choice.layers.map { .integer($0) }),
      "source": .string("traced over \(Numbers.count(summary.factCount, "fact"))"),
    ]
  }

  /// The object of `trace --json`.
  var json: JSONValue {
    let mean = file.json["mean"] ?? .null
    return .object([
      .init("model", .string(model)), .init("data", .string(facts)),
      .init("facts", .integer(summary.factCount)), .init("unknown", .integer(summary.unknownCount)),
      .init("deviation", .measured(deviation)), .init("settings", .object(file.identity.members)),
      .init("mean", mean), .init("choice", choice?.json ?? .null),
    ])
  }
}

extension TraceSummary.Choice {
  /// For scripts.
  var json: JSONValue {
    [
      "layers": .array(layers.map { .integer($0) }), "peak": .integer(peak),
      "peakEffect": .measured(peakEffect), "meanEffect": .measured(meanEffect),
      "meanOfAll": .measured(meanOfAll),
    ]
  }
}

extension TokenClass {
  /// For people.
  var title: String {
    switch self {
    case .subjectFirst: "subject, first token"
    case .subjectMiddle: "subject, middle"
    case .subjectLast: "subject, last token"
    case .followingFirst: "first token behind"
    case .followingMiddle: "further tokens"
    case .last: "last token"
    }
  }
}
