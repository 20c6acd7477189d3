import LinearAlgebra

extension UpdateSolver {
  /// What the update does to each key, computed from the factors themselves and not from the system solved.
  func reports(of update: LowRankFactors, keys: Matrix<Double>, residuals: Matrix<Double>) -> [EditReport] {
    let stored = keys.times(update.right, otherTransposed: true).times(update.left, otherTransposed: true)
    return (0..<keys.rows).map { edit in
      EditReport(got: Array(stored.row(edit)), wanted: Array(residuals.row(edit)))
    }
  }

  func warnings(
    _ parallel: [ParallelKeys], of system: RegularizedSystem, earlierKeys: Matrix<Double>?
  ) -> [UpdateWarning] {
    var warnings: [UpdateWarning] = []
    if !metric.deadUnits.isEmpty { warnings.append(.deadUnits(count: metric.deadUnits.count)) }
    let usesEarlierKeys = settings.method.traits.usesEarlierKeys
    if let earlierKeys, !usesEarlierKeys { warnings.append(.earlierKeysIgnored(count: earlierKeys.rows)) }

    let earlierCount = usesEarlierKeys ? earlierKeys?.rows ?? 0 : 0
    for pair in parallel {
      let (first, second) = (pair.first - earlierCount, pair.second - earlierCount)
      if first < 0 {
        warnings.append(.parallelToEarlierKey(edit: second, earlierKey: pair.first, cosine: pair.cosine))
      } else if !pair.isDuplicate {
        warnings.append(.nearParallelKeys(first: first, second: second, cosine: pair.cosine))
      } else if settings.effectiveRidge > 0 {
        warnings.append(.duplicateKeys(first: first, second: second, cosine: pair.cosine))
      } else {
        warnings.append(.repeatedEdit(first: first, second: second))
      }
    }
    if system.rank < system.order { warnings.append(.rankDeficient(rank: system.rank, keys: system.order)) }
    return warnings
  }
}
