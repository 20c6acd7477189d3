import LinearAlgebra

/// A key and the one before it that is most parallel to it in the metric.
///
/// Edits of one subject whose prompts begin with it have the same key in a causal model. An equality constraint
/// then contradicts itself or is there twice; a ridge stores about the mean of the two values.
struct ParallelKeys: Equatable {
  /// Rows of the stacked keys, `first` < `second`.
  let first: Int
  let second: Int
  /// k_iᵀ Q k_j / √(k_iᵀ Q k_i · k_jᵀ Q k_j).
  let cosine: Double

  /// From here on two keys count as one.
  var isDuplicate: Bool { cosine.magnitude > 1 - 1e-8 }

  private static let reportedCosine = 0.98

  /// At most one pair per key, that with its most parallel predecessor, where the cosine is worth a report.
  ///
  /// - Parameters:
  ///   - gram: G = MᵀQM. `[keys × keys]`
  ///   - start: the first key to look at; those before are only compared with.
  static func pairs(in gram: Matrix<Double>, from start: Int) -> [ParallelKeys] {
    let inverseNorms = gram.diagonal.map { $0 > 0 ? 1 / $0.squareRoot() : 0 }
    var pairs: [ParallelKeys] = []
    for second in start..<max(start, gram.rows) {
      let row = gram.row(second)
      var best = (first: 0, cosine: 0.0)
      for first in 0..<second {
        let cosine = row[row.startIndex + first] * inverseNorms[first]
        if cosine.magnitude > best.cosine.magnitude { best = (first, cosine) }
      }
      let cosine = best.cosine * inverseNorms[second]
      if cosine.magnitude > reportedCosine {
        pairs.append(ParallelKeys(first: best.first, second: second, cosine: cosine))
      }
    }
    return pairs
  }

  /// The pairs of identical rows: all that can be told without the Gram matrix, which for more keys than inputs
  /// would cost more than the solve.
  static func identicalRows(of keys: Matrix<Double>, from start: Int) -> [ParallelKeys] {
    var seen: [ArraySlice<Double>: Int] = [:]
    var pairs: [ParallelKeys] = []
    for second in 0..<keys.rows {
      if let first = seen[keys.row(second)] {
        if second >= start { pairs.append(ParallelKeys(first: first, second: second, cosine: 1)) }
      } else {
        seen[keys.row(second)] = second
      }
    }
    return pairs
  }
}
