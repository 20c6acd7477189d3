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
/// - Complexity: about inputWidth operations for each step; H is never factored.
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

  /// Rounds. Hand the objective on with `consume`, and H is made in its storage.
  ///
  /// - Throws: `updateNotFinite`.
  public func round(keeping given: consuming RoundingObjective) throws -> Result {
    try round(keeping: given, rounds: Self.roundLimit)
  }

  /// The same with at most so many descents.
  func round(keeping given: consuming RoundingObjective, rounds: Int) throws -> Result {
    var objective = consume given
    precondition(objective.keys.columns == columns, "keys are as wide as the weight")
    let keys = objective.keys
    var hessian = objective.takePreserved()
    var weights = [Float](repeating: 1, count: keys.rows)
    BLASThreads.with(1) { hessian.add(keys: keys, weights: weights) }
    let ranks = Ranks(of: tensor, bytes: base)
    let coupling = objective.diagonal.flatMap { diagonal in
      wanted.left.map { RowCoupling(left: $0, diagonal: diagonal) }
    }
    var sweep = try sweep(hessian, keys, ranks, coupling)
    let remaining = sweep.remaining
    for _ in 1..<rounds {
      let short = weights.indices.map { sweep.isShort($0) }
      guard short.contains(true) else { break }
      let added = zip(weights, short).map { $1 ? $0 * (Self.weightStep - 1) : 0 }
      BLASThreads.with(1) { hessian.add(keys: keys, weights: added) }
      weights = zip(weights, added).map { $0 + $1 }
      sweep = try self.sweep(hessian, keys, ranks, coupling)
    }
    return Result(
      bytes: ranks.bytes(base), retentions: sweep.retentions, retention: sweep.retention,
      errors: sweep.errors,
      changedCount: sweep.changedCount, remaining: remaining)
  }

  /// One descent of all rows.
  private func sweep(
    _ hessian: Matrix<Float>, _ keys: Matrix<Float>, _ ranks: Ranks, _ coupling: RowCoupling?
  ) throws -> Sweep {
    // One thread: a choice between codes hangs on the last bits, which must not depend on how many threads there are.
    let prepared = BLASThreads.with(1) { wanted.times(hessian) }
    let diagonal = hessian.diagonal
    let pieces = Mutex<[Int: Sweep]>([:])
    let (rows, columns, type) = (rows, columns, tensor.elementType)
    let blockCount = (rows + Self.rowCount - 1) / Self.rowCount
    @Sendable func descend(
      _ block: Int, _ descent: inout RowDescent, _ chain: inout RowCoupling.Chain?
    ) throws {
      let range = block * Self.rowCount..<min(rows, (block + 1) * Self.rowCount)
      let wanted = prepared(range)
      if let (row, column) = wanted.product.firstNonFinite() ?? wanted.update.firstNonFinite() {
        throw PatchError.updateNotFinite(
          tensor: tensor.name, index: (range.lowerBound + row) * columns + column)
      }
      var moved = Matrix<Float>(rows: range.count, columns: columns)
      var piece = Sweep(keys: keys.rows)
      for (index, row) in range.enumerated() {
        let bytes = base[type.bytes(ofElements: row * columns..<(row + 1) * columns)]
        let update = wanted.update.row(index)
        descent.run(
          bytes, ranks.row(row), update: update, product: wanted.product.row(index), hessian, diagonal,
          pull: chain?.pull(on: row, update: update))
        piece.objective.before += descent.before
        piece.objective.after += descent.after
        piece.changedCount += descent.changedCount
        moved.withUnsafeMutableBufferPointer { descent.copyMoved(to: $0.baseAddress! + index * columns) }
        chain?.add(row, moved: moved.row(index), update: update)
      }
      piece.take(
        got: moved.times(keys, otherTransposed: true),
        wanted: wanted.update.times(keys, otherTransposed: true))
      pieces.withLock { $0[block] = piece }
    }
    // Rows are spread over our own threads; the library must not spread each product again.
    try BLASThreads.with(1) {
      guard let coupling else {
        return try parallelFor(blockCount, width: threads, state: { RowDescent(type, width: columns) }) {
          var none: RowCoupling.Chain?
          try descend($0, &$1, &none)
        }
      }
      let chainCount = min(RowCoupling.chainCount, blockCount)
      try parallelFor(chainCount, width: threads, state: { RowDescent(type, width: columns) }) {
        first, descent in
        var chain: RowCoupling.Chain? = .init(coupling, of: chainCount)
        for block in stride(from: first, to: blockCount, by: chainCount) {
          try descend(block, &descent, &chain)
        }
      }
    }
    return pieces.withLock { pieces in
      pieces.keys.sorted().reduce(into: Sweep(keys: keys.rows)) { $0.add(pieces[$1]!) }
    }
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

    mutating func take(got: Matrix<Float>, wanted: Matrix<Float>) {
      for row in 0..<got.rows {
        for key in products.indices {
          let (g, w) = (Double(got[row, key]), Double(wanted[row, key]))
          products[key] += g * w
          wantedSquares[key] += w * w
          gotSquares[key] += g * g
        }
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
