internal import Glibc

/// How varied a text is, by the entropy of its n-grams.
///
///     H_n = −Σ f log₂ f     over the frequencies f of the text's n-grams
///     GE  = (2/3 H₂ + 4/3 H₃) / 2
///
/// "a b a b a b" has the bigrams ab ×3, ba ×2, so H₂ = 0.971, and aba ×2, bab ×2, so H₃ = 1: GE = 0.990. A model that repeats itself
/// falls far below what it wrote before. A text without n-grams has the entropy 0.
///
/// - Source: kmeng01/memit `experiments/py/eval_utils_counterfact.py`, `compute_n_gram_entropy`.
struct GramEntropy {
  /// H₂ and H₃, in bits.
  let entropies: [Double]
  /// log₂ of the number of bigrams and of trigrams: the most the entropies can be.
  private let bounds: [Double]

  private static let weights = [2.0 / 3, 4.0 / 3]

  init<Item: Hashable>(_ items: [Item]) {
    var entropies: [Double] = []
    var bounds: [Double] = []
    for length in [2, 3] {
      let total = max(0, items.count - length + 1)
      var counts: [[Item]: Int] = [:]
      for start in 0..<total { counts[Array(items[start..<start + length]), default: 0] += 1 }
      // Sorted, because sums of floating-point numbers depend on their order, and a dictionary's changes.
      entropies.append(
        counts.values.sorted().reduce(0) { sum, count in
          let share = Double(count) / Double(total)
          return sum - share * log2(share)
        })
      bounds.append(total > 1 ? log2(Double(total)) : 0)
    }
    self.entropies = entropies
    self.bounds = bounds
  }

  /// GE.
  var weighted: Double { zip(Self.weights, entropies).reduce(0) { $0 + $1.0 * $1.1 } / 2 }

  /// GE with each entropy as a share of the most it can be; 0 for texts too short to vary.
  var weightedShare: Double {
    let shares = zip(entropies, bounds).map { $1 > 0 ? $0 / $1 : 0 }
    return zip(Self.weights, shares).reduce(0) { $0 + $1.0 * $1.1 } / 2
  }
}
