/// WISE's margins between what prompts of the edits activate and what others do.
///
///     mean⁺(out − in + γ) + mean⁺(out − α) + mean⁺(β − in)
///
/// mean⁺ is the mean over those that are above zero, and 0 where none is; the first is over all pairs.
///
/// - Source: WISE (arXiv:2405.14768) eq. 5; zjunlp/EasyEdit `models/wise/WISE.py`, `__cal_activation_loss`, and `hparams/WISE`: α 5, β 20, γ 10.
struct RoutingLoss {
  /// α: what other prompts stay below.
  var outside: Float = 5
  /// β: what the edits' prompts stay above.
  var inside: Float = 20
  /// γ: how far the two are apart.
  var apart: Float = 10

  /// The loss and its slopes.
  struct Value {
    var loss: Float = 0
    var ofInside: [Float]
    var ofOutside: [Float]
  }

  /// The loss of activations.
  func callAsFunction(inside own: [Float], outside others: [Float]) -> Value {
    var value = Value(
      ofInside: [Float](repeating: 0, count: own.count), ofOutside: [Float](repeating: 0, count: others.count)
    )
    let pairs = own.indices.flatMap { one in
      others.indices.filter { others[$0] - own[one] + apart > 0 }.map { (one, $0) }
    }
    for (one, other) in pairs {
      let share = 1 / Float(pairs.count)
      value.loss += share * (others[other] - own[one] + apart)
      value.ofInside[one] -= share
      value.ofOutside[other] += share
    }
    let loud = others.indices.filter { others[$0] > outside }
    for other in loud {
      value.loss += (others[other] - outside) / Float(loud.count)
      value.ofOutside[other] += 1 / Float(loud.count)
    }
    let quiet = own.indices.filter { own[$0] < inside }
    for one in quiet {
      value.loss += (inside - own[one]) / Float(quiet.count)
      value.ofInside[one] -= 1 / Float(quiet.count)
    }
    return value
  }
}

/// Shards that were trained apart, made one.
enum TiesMerging {
  /// Share of each shard's numbers that is kept, the greatest.
  static let density = 0.53

  /// Of each shard the greatest numbers; where these have different signs, those of the sign that weighs more; of these the mean.
  ///
  /// - Parameter shards: numbers of the same length, weighed alike.
  /// - Source: TIES (arXiv:2306.01708); zjunlp/EasyEdit `models/wise/merge/ties.py`, density 0.53.
  static func merged(_ shards: [[Float]]) -> [Float] {
    guard let count = shards.first?.count else { return [] }
    let kept = Int(density * Double(count))
    let trimmed = shards.map { shard in
      var result = [Float](repeating: 0, count: count)
      let order = shard.indices.sorted { (shard[$0].magnitude, $1) > (shard[$1].magnitude, $0) }
      for index in order.prefix(kept) { result[index] = shard[index] }
      return result
    }
    return (0..<count).map { index in
      let sum = trimmed.reduce(Float(0)) { $0 + $1[index] }
      let agreeing = trimmed.map { $0[index] }.filter { $0 != 0 && ($0 > 0) == (sum >= 0) }
      return agreeing.isEmpty ? 0 : agreeing.reduce(0, +) / Float(agreeing.count)
    }
  }
}
