import LinearAlgebra

extension UpdateSolver {
  /// The largest share of a key's energy that may lie on units the statistics never saw active.
  private static let tolerableDeadShare = 1e-3

  /// Refuses what has no meaningful solution, naming the first edit to blame.
  func checkInputs(keys: Matrix<Double>, residuals: Matrix<Double>, earlierKeys: Matrix<Double>?) throws {
    guard keys.rows > 0 else { throw EditError.noEdits }
    guard keys.rows == residuals.rows else {
      throw EditError.countsDiffer(keys: keys.rows, residuals: residuals.rows)
    }
    guard keys.columns == metric.inputWidth else {
      throw EditError.widthsDiffer(keys: keys.columns, secondMoment: metric.inputWidth)
    }
    guard keys.rows == 1 || !settings.method.traits.takesOneEdit else {
      throw EditError.methodTakesOneEdit(method: settings.method, edits: keys.rows)
    }
    if let (edit, _) = keys.firstNonFinite() { throw EditError.nonFiniteKey(edit: edit) }
    if let (edit, _) = residuals.firstNonFinite() { throw EditError.nonFiniteResidual(edit: edit) }
    if let earlierKeys {
      guard earlierKeys.columns == keys.columns else {
        throw EditError.earlierKeyWidthDiffers(keys: keys.columns, earlierKeys: earlierKeys.columns)
      }
      if let (index, _) = earlierKeys.firstNonFinite() { throw EditError.nonFiniteEarlierKey(index: index) }
    }
    guard residuals.elements.contains(where: { $0 != 0 }) else { throw EditError.zeroResidual(edit: 0) }
    for edit in 0..<keys.rows {
      let key = Array(keys.row(edit))
      guard key.sumOfSquares > 0 else { throw EditError.zeroKey(edit: edit) }
      guard allowsZeroResiduals || residuals.row(edit).contains(where: { $0 != 0 }) else {
        throw EditError.zeroResidual(edit: edit)
      }
      let share = metric.deadUnits.reduce(0) { $0 + key[$1] * key[$1] } / key.sumOfSquares
      guard share <= Self.tolerableDeadShare else {
        throw EditError.statisticsDoNotFitKeys(edit: edit, share: share)
      }
    }
  }

  /// Refuses keys that vanish in the metric: Δk = 0 for every update the method allows.
  func requireReachable(_ reducedKeys: Matrix<Double>, from start: Int) throws {
    for row in start..<reducedKeys.rows where reducedKeys.row(row).allSatisfy({ $0 == 0 }) {
      throw EditError.unreachableKey(edit: row - start)
    }
  }

  /// For equality constraints: the edits without those that repeat another, or `nil` when all are distinct.
  ///
  /// Keys parallel in the metric, k_j = c k_i, ask for consistent values only when r_j = c r_i.
  func distinctEdits(
    _ parallel: [ParallelKeys], gram: Matrix<Double>, residuals: Matrix<Double>, from earlierCount: Int
  ) throws -> [Int]? {
    var repeated: Set<Int> = []
    for pair in parallel where pair.isDuplicate {
      let second = pair.second - earlierCount
      guard pair.first >= earlierCount else {
        throw EditError.contradictsEarlierKey(edit: second, earlierKey: pair.first, cosine: pair.cosine)
      }
      let first = pair.first - earlierCount
      let ratio = (gram[pair.second, pair.second] / gram[pair.first, pair.first]).squareRoot()
      let factor = pair.cosine < 0 ? -ratio : ratio
      let wanted = Array(residuals.row(second))
      let difference = zip(wanted, residuals.row(first)).map { $0 - factor * $1 }
      guard difference.sumOfSquares <= 1e-12 * wanted.sumOfSquares else {
        throw EditError.contradictingEdits(first: first, second: second, cosine: pair.cosine)
      }
      repeated.insert(second)
    }
    return repeated.isEmpty ? nil : (0..<residuals.rows).filter { !repeated.contains($0) }
  }
}
