internal import Editing
internal import ModelFiles
internal import Transformer

/// What each phase takes, as products of what was measured and what was counted.
///
/// n are rows, B blocks, L the last edited layer, d the length of a key, o the outputs of an edited weight, V the vocabulary; f, b, l and l' the
/// seconds of a row in a block and of its logits, there and back; a, t and g the bytes of a row in a run, in a block that keeps for the way back,
/// and of the way back itself.
struct WorkFormulas {
  private let network: Network
  private let plan: EditPlan
  private let cost: NetworkCost
  private let rates: SolverRates
  private let base: Int

  init(_ network: Network, _ plan: EditPlan, _ cost: NetworkCost, _ rates: SolverRates, base: Int) {
    (self.network, self.plan, self.cost, self.rates) = (network, plan, cost, rates)
    self.base = base
  }

  private var blocks: Int { network.configuration.layerCount }
  private var layers: [Int] { plan.recipe.layers }
  private var last: Int { layers.last ?? 0 }
  private var vocabulary: Int { network.configuration.vocabularySize }
  /// Widths of the keys of all edited weights.
  private var widths: [Int] { layers.flatMap { network.downProjections(of: $0).map(\.columns.count) } }
  private var squares: Int { widths.reduce(0) { $0 + $1 * $1 } }
  /// Bytes of a row's keys and values in a layer.
  private var memoryBytes: Int { 8 * network.configuration.keyValueWidth }
  /// Bytes of edited weights, as the files hold them.
  private var weightBytes: [Int] {
    layers.flatMap { network.downProjections(of: $0) }.map {
      (try? network.model.tensor($0.stack ?? $0.name).byteCount) ?? 0
    }
  }

  /// n (L + 1) f + n Σ d² s; all sums at once, 8 Σ d² bytes.
  func stats(tokens: Int) -> WorkPlan.Phase {
    var phase = WorkPlan.Phase(name: .stats)
    let n = Double(tokens)
    phase.processorSeconds = n * (Double(last + 1) * cost.forward + Double(squares) * rates.sum)
    let rows = min(tokens, StatisticsCollection.batchTokens)
    phase.memory =
      base + network.residentByteCount(blocks: last + 1) + 8 * squares + rows * cost.rowByteCount
      + cost.fixedByteCount + network.threads << 20
    phase.disk = 4 * squares
    phase.parts = max(1, tokens / StatisticsCollection.batchTokens)
    return phase
  }

  /// Heads through all blocks, rows to L, then every step from L on there and back, with logits.
  func values(_ work: ValueWork) -> WorkPlan.Phase {
    var phase = WorkPlan.Phase(name: .values)
    let above = blocks - last - 1
    let steps = Double(max(plan.recipe.values.steps, 1))
    for batch in work.batches {
      let rows = Double(batch.rows)
      let step =
        rows * Double(above) * (cost.forward + cost.backward)
        + Double(batch.logits) * (cost.logits + cost.logitsBackward)
      phase.processorSeconds +=
        cost.forward * (Double(batch.heads * blocks) + rows * Double(last + 1)) + steps * step
      phase.memory = max(phase.memory, held(batch, above: above))
    }
    phase.memory += base + network.residentByteCount(blocks: blocks) + cost.fixedByteCount
    phase.disk = work.batches.reduce(0) { $0 + $1.groups } * network.configuration.width * 8
    phase.parts = max(1, work.batches.count)
    return phase
  }

  private func held(_ batch: ValueWork.Batch, above: Int) -> Int {
    let heads = batch.heads * blocks * memoryBytes
    let hidden = 3 * batch.rows * network.configuration.width * 4
    let tapes =
      batch.rows * (cost.gradientByteCount + above * cost.tapeByteCount)
      + batch.past * above * memoryBytes
    let logits = (2 * batch.logits + batch.groups) * vocabulary * 4
    return heads + hidden + max(tapes, batch.heads * cost.rowByteCount) + logits
  }

  /// Keys for each layer, d³ factorizations, o d² for the weight's own scale; one second moment in memory at a time, as a sum and as its factor, and the weights as edited.
  func edit(_ work: ValueWork) -> WorkPlan.Phase {
    var phase = WorkPlan.Phase(name: .edit)
    let texts = Double(work.batches.reduce(0) { $0 + $1.rows + $1.heads })
    for layer in layers {
      phase.processorSeconds += texts * Double(layer + 1 + last + 1) * cost.forward
      for projection in network.downProjections(of: layer) where plan.recipe.update.usesSecondMoment {
        let d = Double(projection.columns.count)
        phase.processorSeconds +=
          d * d * (d * rates.factor + Double(network.configuration.width) * rates.form)
      }
    }
    let d = widths.max() ?? 0
    // Texts up to the subjects are run for keys, most of them together.
    let read = work.batches.reduce(0) { $0 + $1.past + $1.texts }
    let keys = min(read, ValueWork.keyRowLimit(keyWidth: d)) * cost.rowByteCount
    let moment = plan.recipe.update.usesSecondMoment ? 16 * d * d + 4 * 256 * d : 0
    let asking = network.scoringByteCount(rows: read, cost)
    phase.memory =
      base + network.residentByteCount(blocks: blocks) + weightBytes.reduce(0, +)
      + asking + keys + moment
    let width = network.configuration.width
    phase.disk = work.facts * layers.count * (2 * (widths.first ?? 0) + width) * 2
    return phase
  }

  /// All probes through all blocks, before and after.
  func eval(tokens: Int, logits: Int, records: Int) -> WorkPlan.Phase {
    var phase = WorkPlan.Phase(name: .eval)
    phase.processorSeconds =
      2 * (Double(tokens * blocks) * cost.forward + Double(logits) * cost.logits)
    phase.memory =
      base + network.residentByteCount(blocks: blocks) + weightBytes.reduce(0, +)
      + network.scoringByteCount(rows: tokens, cost)
    phase.disk = 250 * logits
    phase.parts = max(1, min(records, tokens / 2048))
    return phase
  }

  /// A copy of the model with the edited weights computed anew, an operation for each fact and element, and digests of them before and after.
  func apply(_ work: ValueWork) -> WorkPlan.Phase {
    var phase = WorkPlan.Phase(name: .apply)
    let elements = widths.reduce(0) { $0 + $1 * network.configuration.width }
    phase.processorSeconds =
      Double(elements * work.facts) * 2 * rates.form + Double(2 * weightBytes.reduce(0, +)) * rates.digest
    phase.disk = network.model.shards.reduce(0) { $0 + ((try? $1.size()) ?? 0) }
    phase.memory = 40 << 20
    return phase
  }
}
