internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

/// GRACE's keys and values of facts: states at the last token of their prompts.
struct StateValues {
  let model: LanguageModel
  let layer: Int
  /// ε₀; by the length of the keys where `nil`: 1 is published for keys some hundred long.
  let radius: Float?
  let isReleased: Bool
  let steps: Int

  /// A late layer, as 27 of 32 is.
  static func layer(of network: Network) -> Int {
    min(network.configuration.layerCount * 27 / 32, max(network.configuration.layerCount - 2, 0))
  }

  /// Facts with their rows, without those that a later one took the place of.
  ///
  /// - Returns: also how many were replaced.
  func facts(_ records: [FactRecord]) throws -> (facts: [MemoryFact], replaced: Int) {
    // The prompt as its own subject: the value is found at its last token.
    let problems = try records.map { record in
      let fact = record.fact
      let whole = Fact(
        identifier: fact.identifier, prompt: Fact.placeholder, subject: fact.filledPrompt,
        target: fact.target,
        join: fact.join)
      return try ValueProblem(
        FactGroup(subject: whole.subject, facts: [whole]), contexts: [], encoder: model.encoder)
    }
    var settings = ValueSettings()
    settings.target = .value
    settings.stop = .mostProbable
    (settings.steps, settings.divergenceWeight, settings.weightDecay) = (steps, 0, 0)
    settings.clamp = 100
    let values = try ValueOptimization(network: model.network, layer: layer, settings: settings).values(
      of: problems)
    let keys = try model.network.lastKeys(
      of: problems.map { $0.prompts[0].texts[0].tokens }, layer: layer)
    let lengths = (0..<keys.rows).map { Array(keys.row($0)).sumOfSquares.squareRoot() }
    let mean = lengths.reduce(0, +) / Double(max(1, lengths.count))
    let radius = radius ?? Float(min(1, mean / 50))
    var book = GraceCodebook(radius: radius, isReleased: isReleased)
    var kept: [(record: Int, key: Int)] = []
    for index in records.indices {
      let fact = records[index].fact
      let outcome = book.add(
        Array(keys.row(index)), label: fact.target, prompt: MemoryText.normalized(fact.filledPrompt))
      switch outcome {
      case .added: kept.append((index, index))
      case .replaced(let entry): kept[entry].record = index
      }
    }
    func bytes(_ numbers: [Float]) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }
    let facts = zip(kept, book.entries).map { kept, entry in
      MemoryFact(
        .object(records[kept.record].fact.jsonMembers),
        rows: [
          "keys": bytes(entry.key), "values": bytes(values[kept.record].value),
          "radii": bytes([entry.radius]),
        ])
    }
    return (facts, records.count - facts.count)
  }
}
