internal import LinearAlgebra
internal import Transformer

/// Finds, for each group of facts that share a key, the hidden state that makes the network say the targets.
///
///     δ* = argmin  mean −log p_δ(target)  +  κ KL(p_δ ‖ p₀)  +  κ' KL of the model's own words  +  ω ‖δ‖ / ‖h₀‖²,   ‖δ‖ ≤ c ‖h₀‖
///
/// δ is added to the stream after block L at the subject's last token, in every context. Below L, and before that token,
/// nothing depends on δ: keys and values there are computed once, and each step runs the blocks above L over the positions
/// from the subject's last token on, with logits where a target token or the divergence is read. All of it is exact.
///
/// - Source: ROME (arXiv:2202.05262) eq. 4, MEMIT (arXiv:2210.07229) eq. 16; kmeng01/memit `memit/compute_z.py`, whose
///   order of stopping, updating and clamping this keeps.
struct ValueOptimization {
  let network: Network
  /// L.
  let layer: Int
  let settings: ValueSettings
  /// Rows of a batch: large products, bounded memory.
  var rowLimit = 1024

  /// Optimizes all groups, some together at a time.
  ///
  /// - Throws: `NetworkError.notNumbers` where the network's logits are none to begin with.
  func values(
    of problems: [ValueProblem], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [FactValue] {
    try Self.batches(of: problems, rowLimit: rowLimit).flatMap {
      try optimize(Array(problems[$0]), progress: progress)
    }
  }

  /// Problems that are optimized together. The last bits of a value depend on what is in its batch.
  static func batches(of problems: [ValueProblem], rowLimit: Int) -> [Range<Int>] {
    var batches: [Range<Int>] = []
    var next = 0
    while next < problems.count {
      var end = next
      var rows = 0
      while end < problems.count, end == next || rows + problems[end].rowCount <= rowLimit {
        rows += problems[end].rowCount
        end += 1
      }
      batches.append(next..<end)
      next = end
    }
    return batches
  }

  private func optimize(_ problems: [ValueProblem], progress: (Int) -> Void) throws -> [FactValue] {
    let prepared = try PreparedValues(problems, network: network, layer: layer, target: settings.target)
    var states = problems.indices.map {
      OffsetState(
        start: prepared.starts[$0], attention: prepared.attention?.starts[$0], settings: settings)
    }
    var references = [[[Float]]](repeating: [], count: problems.count)
    var active = Array(problems.indices)
    for step in 0..<settings.steps where !active.isEmpty {
      let losses = try prepared.evaluate(
        active, states: active.map { states[$0] }, references: &references,
        divergenceWeight: Float(settings.divergenceWeight), ownWordsWeight: Float(settings.ownWordsWeight))
      // Before anything is moved, a loss that is no number is the network's own.
      if step == 0, losses.contains(where: { !$0.loss.isFinite }) { throw try network.notNumbers() }
      var stillActive: [Int] = []
      for (place, index) in active.enumerated() {
        let isLast = step == settings.steps - 1
        if states[index].take(losses[place], isLast: isLast) {
          progress(problems[index].factCount)
        } else {
          stillActive.append(index)
        }
      }
      active = stillActive
    }
    return states.map(\.result)
  }
}
