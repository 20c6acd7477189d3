internal import Glibc

/// How far a fact's prompts lie from it, d² of a scope classifier.
struct HeldDistances {
  /// Of its paraphrases.
  let within: [Float]
  /// Of prompts about something else.
  let outside: [Float]

  /// Paraphrases that are no farther away.
  func shareWithin(_ end: Float) -> Double {
    Double(within.count { $0 <= end }) / Double(max(1, within.count))
  }
  /// Other prompts that are farther away.
  func shareOutside(_ end: Float) -> Double {
    Double(outside.count { $0 > end }) / Double(max(1, outside.count))
  }

  /// The distance at which scopes end best, half the mean share of paraphrases within and half that of others outside: among the middles of
  /// neighboring distances on a scale of logarithms, of equals the one with most room around it. As trained, ln 2, where nothing tells.
  static func end(of facts: [HeldDistances]) -> Float {
    let trained = logf(2)
    let all = Set(facts.flatMap { $0.within + $0.outside } + [trained / 64, trained * 64])
      .filter { $0 >= trained / 64 && $0 <= trained * 64 }.sorted()
    var best: (right: Double, room: Float, end: Float) = (-1, 0, trained)
    for (low, high) in zip(all, all.dropFirst()) {
      let end = (low * high).squareRoot()
      let right = facts.reduce(0.0) { $0 + $1.shareWithin(end) + $1.shareOutside(end) }
      // Shares of the same prompts may add up to other last bits.
      if right > best.right + 1e-9 || right > best.right - 1e-9 && high / low > best.room {
        best = (max(right, best.right), high / low, end)
      }
    }
    return best.end
  }
}
