internal import Kernels
public import LinearAlgebra
public import ModelFiles
internal import Synchronization

/// Rounds an update into a quantized weight by choosing codes by the edit's own objective, while every scale stays as it is.
///
/// Rounding to the nearest code loses an edit: most changes are smaller than half a step, and all of them are lost at once. Here
/// each row starts from the base's codes, for which J is known, and takes, one code by one step at a time, the step by which J falls
/// most; so the codes that move are those that together do what the update does at the keys and least elsewhere. About one code in
/// a hundred moves. Keys that keep too little of their change count more in a further round.
///
/// - Complexity: some hundred operations per key for each step, and about 2·keys·inputWidth for each row; H is never made.
/// - Source: the greedy form of coordinate descent on codes of CDQuant (arXiv:2406.17542), started from codes instead of numbers, with
///   the Hessian of MEMIT's objective (arXiv:2210.07229, eq. 14) instead of the inputs' second moment alone.
public struct AwareRounding: Sendable {
  let tensor: TensorInfo
  let base: [UInt8]
  let wanted: WantedUpdate
  let threads: Int

  /// What comes of it.
  public struct Result: Sendable {
    /// The tensor's bytes.
    public var bytes: [UInt8]
    /// Of each key, ⟨Δ̂k, Δk⟩ / ⟨Δk, Δk⟩.
    public var retentions: [Double]
    /// ⟨Δ̂K, ΔK⟩ / ⟨ΔK, ΔK⟩ over all keys.
    public var retention: Double
    /// Of each key, ‖Δ̂k − Δk‖ / ‖Δk‖.
    public var errors: [Double]
    /// Codes that moved.
    public var changedCount: Int
    /// J after the first descent against that of the base.
    public var remaining: Double
  }

  /// A step is taken where J falls by this share of the row's J at least.
  static let leastGain: Float = 1e-5
  /// A block's first step must lower J by this share of the row's J beyond that: a patch with fewer blocks is shorter.
  static let blockPrice: Float = 3e-4
  /// Keys that keep less, or err more, are given more weight.
  static let (wantedRetention, wantedError) = (0.955, 0.35)
  /// How often, and by how much.
  static let (roundLimit, weightStep) = (8, Float(2))
  /// Rows whose products are taken together.
  private static let rowCount = 16

  /// Prepares to round an update of a weight, `[outputWidth × inputWidth]`, output by output.
  ///
  /// - Throws: `notEditable` for a type without codes, `notAMatrix`, `factorShape`.
  public init(_ wanted: WantedUpdate, of tensor: TensorInfo, bytes: [UInt8], threads: Int) throws(PatchError)
  {
    guard tensor.elementType.hasCodes else {
      throw .notEditable(tensor: tensor.name, elementType: tensor.elementType)
    }
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw .notAMatrix(tensor: tensor.name, shape: tensor.shape)
    }
    let found =
      switch wanted {
      case .factors(let factors): [factors.outputWidth, factors.inputWidth]
      case .matrix(let update): [update.rows, update.columns]
      }
    guard found == tensor.shape else {
      throw .factorShape(tensor: tensor.name, expected: tensor.shape, found: found)
    }
    self.wanted = wanted
    self.tensor = tensor
    base = bytes
    self.threads = threads
  }

  private var rows: Int { tensor.shape[0] }
  private var columns: Int { tensor.shape[1] }

  /// Rounds.
  ///
  /// - Throws: `updateNotFinite`.
  public func round(keeping objective: RoundingObjective) throws -> Result {
    try round(keeping: objective, rounds: Self.roundLimit)
  }

  /// The same with at most so many descents, and rows each by themselves where that is asked for.
  func round(
    keeping objective: RoundingObjective, rounds: Int, together isTogether: Bool = true
  ) throws -> Result {
    precondition(objective.keys.columns == columns, "keys are as wide as the weight")
    var weights = [Float](repeating: 1, count: objective.keys.rows)
    let ranks = Ranks(of: tensor, bytes: base)
    let coupling = isTogether ? wanted.left.map { RowCoupling(left: $0, width: columns) } : nil
    // One thread: a choice between codes hangs on the last bits, which must not depend on how many threads there are.
    let rows = BLASThreads.with(1) { wanted.rows(keys: objective.keys) }
    func sweep() throws -> Sweep {
      let form = RoundingForm(known: objective.diagonal, keys: objective.keys, weights: weights)
      return try self.sweep(form, rows, ranks, coupling)
    }
    var last = try sweep()
    let remaining = last.remaining
    for _ in 1..<rounds {
      let short = weights.indices.filter { last.isShort($0) }
      guard !short.isEmpty else { break }
      for key in short { weights[key] *= Self.weightStep }
      last = try sweep()
    }
    return Result(
      bytes: ranks.bytes(base), retentions: last.retentions, retention: last.retention, errors: last.errors,
      changedCount: last.changedCount, remaining: remaining)
  }

  /// One descent of all rows.
  private func sweep(
    _ form: RoundingForm, _ wanted: @Sendable (Range<Int>) -> WantedUpdate.Rows, _ ranks: Ranks,
    _ coupling: RowCoupling?
  ) throws -> Sweep {
    let pieces = Mutex<[Int: Sweep]>([:])
    let blockCount = (rows + Self.rowCount - 1) / Self.rowCount
    let type = tensor.elementType
    // Rows are spread over our own threads; the library must not spread each product again.
    try BLASThreads.with(1) {
      let chainCount = coupling == nil ? blockCount : min(RowCoupling.chainCount, blockCount)
      try parallelFor(chainCount, width: threads, state: { RowDescent(type, form) }) { first, descent in
        let chain = coupling.map { RowCoupling.Chain($0, of: chainCount) }
        for block in stride(from: first, to: blockCount, by: chainCount) {
          let range = block * Self.rowCount..<min(rows, (block + 1) * Self.rowCount)
          let piece = try descend(range, wanted(range), ranks, &descent, chain)
          pieces.withLock { $0[block] = piece }
        }
      }
    }
    return pieces.withLock { pieces in
      pieces.keys.sorted().reduce(into: Sweep(keys: form.weights.count)) { $0.add(pieces[$1]!) }
    }
  }

  private func descend(
    _ range: Range<Int>, _ wanted: WantedUpdate.Rows, _ ranks: Ranks, _ descent: inout RowDescent,
    _ chain: RowCoupling.Chain?
  ) throws -> Sweep {
    if let (row, column) = wanted.update.firstNonFinite() {
      throw PatchError.updateNotFinite(
        tensor: tensor.name, index: (range.lowerBound + row) * columns + column)
    }
    var piece = Sweep(keys: wanted.atKeys.columns)
    wanted.update.withUnsafeBufferPointer { update in
      for (index, row) in range.enumerated() {
        descent.run(
          base[tensor.elementType.bytes(ofElements: row * columns..<(row + 1) * columns)], ranks.row(row),
          update: update.baseAddress! + index * columns, pull: chain?.pull(on: row))
        chain?.add(row, error: descent.error)
        piece.take(descent, wanted: wanted.atKeys.row(index))
      }
    }
    return piece
  }

  /// What a sweep came to, or a part of it.
  private struct Sweep: Sendable {
    var objective = (before: 0.0, after: 0.0)
    var changedCount = 0
    var products: [Double]
    var wantedSquares: [Double]
    var gotSquares: [Double]

    init(keys: Int) {
      products = [Double](repeating: 0, count: keys)
      (wantedSquares, gotSquares) = (products, products)
    }

    mutating func take(_ descent: RowDescent, wanted: ArraySlice<Float>) {
      objective.before += descent.before
      objective.after += descent.after
      changedCount += descent.changedCount
      for (key, (wanted, missed)) in zip(wanted, descent.missed).enumerated() {
        let got = Double(wanted) + missed
        products[key] += got * Double(wanted)
        wantedSquares[key] += Double(wanted) * Double(wanted)
        gotSquares[key] += got * got
      }
    }

    mutating func add(_ other: Sweep) {
      objective.before += other.objective.before
      objective.after += other.objective.after
      changedCount += other.changedCount
      for key in products.indices {
        products[key] += other.products[key]
        wantedSquares[key] += other.wantedSquares[key]
        gotSquares[key] += other.gotSquares[key]
      }
    }

    var retention: Double {
      let whole = wantedSquares.reduce(0, +)
      return whole > 0 ? products.reduce(0, +) / whole : 1
    }
    var retentions: [Double] { zip(products, wantedSquares).map { $1 > 0 ? $0 / $1 : 1 } }
    var errors: [Double] {
      products.indices.map { key in
        guard wantedSquares[key] > 0 else { return 0 }
        let square = gotSquares[key] - 2 * products[key] + wantedSquares[key]
        return (max(0, square) / wantedSquares[key]).squareRoot()
      }
    }
    var remaining: Double { objective.before > 0 ? objective.after / objective.before : 0 }

    /// Whether a key keeps too little. One that hardly changes is none's concern.
    func isShort(_ key: Int) -> Bool {
      guard wantedSquares[key] > 1e-4 * (wantedSquares.max() ?? 0) else { return false }
      return retentions[key] < AwareRounding.wantedRetention || errors[key] > AwareRounding.wantedError
    }
  }
}

extension ElementType {
  /// The bytes of whole blocks of elements.
  func bytes(ofElements elements: Range<Int>) -> Range<Int> {
    elements.lowerBound / blockElementCount * blockByteCount..<elements.upperBound / blockElementCount
      * blockByteCount
  }
}
