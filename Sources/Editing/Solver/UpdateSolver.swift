public import LinearAlgebra

/// Solves for the update that stores new values under new keys while moving known keys least.
///
///     Δ = R Eᵀ (MᵀQM + ρI)⁻¹ MᵀQ,   M = [K_p K],   E = [0; I]
///
/// One form serves all methods; Q, ρ and M come from the table in `EditMethod`. With Q = HᵀH and Y = HM it reads
///
///     Δ = R Eᵀ S⁻¹ Yᵀ H,   S = YᵀY + ρI        (dual: one row per key)
///       = R (YE)ᵀ S⁻¹ H,   S = YYᵀ + ρI        (primal: one row per row of H)
///
/// For C = [2 1; 1 2], k = (1, 0) and r = (4, 2) ROME gives Δ = [4 −2; 2 −1], and MEMIT with λ = 2 a quarter of
/// it: without a ridge the value is stored in full, with one the share g / (g + λ), where g = kᵀC⁻¹k.
///
/// - Source: ROME (arXiv:2202.05262) eq. 2, MEMIT (arXiv:2210.07229) eq. 14, EMMET and the common objective
///   (arXiv:2403.14236), PMET (arXiv:2308.08742), AlphaEdit (arXiv:2410.02355).
public struct UpdateSolver: Sendable {
  /// Method, λ, ρ and form.
  public let settings: UpdateSettings
  /// Q.
  public let metric: any KeyMetric
  /// Whether an edit may ask for nothing: then its key keeps the output it has.
  var allowsZeroResiduals = false

  /// Joins settings with the metric of one layer.
  ///
  /// - Parameter metric: of the kind `settings.metric`; another is a programmer's mistake.
  /// - Throws: `EditError` for settings out of range.
  public init(settings: UpdateSettings, metric: any KeyMetric) throws {
    try settings.validate()
    precondition(metric.kind == settings.metric, "the method measures keys in another metric")
    self.settings = settings
    self.metric = metric
  }

  /// Solves for one weight.
  ///
  /// - Parameters:
  ///   - keys: Kᵀ, one row per edit. `[edits × inputWidth]`
  ///   - residuals: Rᵀ, wanted minus present output of the weight. `[edits × outputWidth]`
  ///   - earlierKeys: K_pᵀ, keys that earlier edits stored values under. `[earlier edits × inputWidth]`
  /// - Returns: factors of rank at most min(edits, outputWidth, inputWidth), with a report per edit.
  /// - Throws: `EditError`, naming the edit where one is to blame.
  /// - Complexity: 2d²n + 3dn² + n³/3 operations for n edits and a factored C `[d × d]`, in the dual form.
  public func solve(
    keys: Matrix<Double>, residuals: Matrix<Double>, earlierKeys: Matrix<Double>? = nil
  ) throws -> UpdateSolution {
    try checkInputs(keys: keys, residuals: residuals, earlierKeys: earlierKeys)
    let earlier = settings.method.traits.usesEarlierKeys ? earlierKeys : nil
    let earlierCount = earlier?.rows ?? 0
    let all = earlier.map { $0.stacked(on: keys) } ?? keys
    let ridge = settings.effectiveRidge

    var y = metric.reduce(all)  // Yᵀ: row i is H m_i
    var wanted = residuals
    try requireReachable(y, from: earlierCount)

    let form = chooseForm(reducedKeys: y, rank: min(wanted.rows, wanted.columns))
    var gram = form == .dual ? y.rowGram() : y.columnGram()
    let parallel =
      form == .dual
      ? ParallelKeys.pairs(in: gram, from: earlierCount)
      : ParallelKeys.identicalRows(of: all, from: earlierCount)
    if ridge == 0,
      let distinct = try distinctEdits(parallel, gram: gram, residuals: wanted, from: earlierCount)
    {
      y = y.selecting(rows: Array(0..<earlierCount) + distinct.map { earlierCount + $0 })
      wanted = wanted.selecting(rows: distinct)
      gram = y.rowGram()
    }
    let system = try RegularizedSystem(gram: consume gram, ridge: ridge)

    // More edits than outputs: R = left · mixingᵀ with orthonormal columns, and the solve carries fewer rows.
    let qr = wanted.rows > wanted.columns ? ThinQR(wanted) : nil
    let left = (qr?.r ?? wanted).transposed()
    func mixed(_ rows: Matrix<Double>) -> Matrix<Double> {
      qr?.q.times(rows, transposed: true) ?? rows
    }

    var z: Matrix<Double>  // Δ = left · Z H
    if form == .dual {
      z = y
      system.solve(&z, vectors: .columns)
      z = mixed(z.selecting(rows: earlierCount..<z.rows))
    } else {
      z = mixed(y.selecting(rows: earlierCount..<y.rows))
      system.solve(&z, vectors: .rows)
    }
    let reduced = LowRankFactors(left: left, right: z)
    let update = LowRankFactors(left: left, right: metric.expand(z))

    return UpdateSolution(
      factors: update.compressed(),
      edits: reports(of: update, keys: keys, residuals: residuals),
      updateNorm: update.frobeniusNorm,
      preservationLoss: metric.preservationLoss(update: update, reduced: reduced),
      effectiveRidge: ridge, jitter: system.jitter, condition: system.condition, form: form,
      warnings: warnings(parallel, of: system, earlierKeys: earlierKeys))
  }

  /// The form with fewer operations, where the settings leave the choice.
  ///
  /// For N keys, r rows in the solve and H of w rows the dual form takes 3N²w + N³/3 and the primal one
  /// Nw² + 2rw² + w³/3: they meet at N = w where r = N, and near N = w/2 where earlier keys outnumber new ones.
  private func chooseForm(reducedKeys y: Matrix<Double>, rank: Int) -> SolveForm {
    guard settings.form == .automatic else { return settings.form }
    // For N < w only the ridge makes YYᵀ + ρI regular: it must not drown in the rounding of YYᵀ.
    guard settings.effectiveRidge > 1e-10 * y.elements.sumOfSquares else { return .dual }
    let (n, r, w) = (Double(y.rows), Double(rank), Double(y.columns))
    return 3 * n * n * w + n * n * n / 3 <= n * w * w + 2 * r * w * w + w * w * w / 3 ? .dual : .primal
  }
}
