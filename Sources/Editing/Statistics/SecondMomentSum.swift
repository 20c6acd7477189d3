internal import LinearAlgebra
internal import Transformer

/// Σ k kᵀ of one weight, growing: products of blocks in Float, sums in Double.
///
/// Only tiles on and below the diagonal are computed; each is one task for one thread.
final class SecondMomentSum: @unchecked Sendable {
  let width: Int
  // SAFETY: `width × width` numbers, owned; tasks add to disjoint tiles.
  private let sums: UnsafeMutablePointer<Double>
  /// Keys so far.
  private(set) var count = 0
  /// Keys that are not all 0; `nil` where all rows go through the weight.
  private(set) var reachedCount: Int?
  /// The key of the begin-of-text token, which is the same in every document, and how often it came.
  private(set) var begin: (key: [Float], count: Int)?

  /// Rows and columns of a tile: 1 MiB of Float, enough for a product at full speed.
  private static let tile = 512

  init(width: Int) {
    self.width = width
    sums = .allocate(capacity: width * width)
    sums.initialize(repeating: 0, count: width * width)
  }

  deinit { sums.deallocate() }

  /// Goes on from a partial sum.
  func restore(_ sum: Matrix<Double>, count: Int, reachedCount: Int?, begin: (key: [Float], count: Int)?) {
    precondition(sum.rows == width && sum.columns == width, "a sum of this width")
    sum.withUnsafeBufferPointer { sums.update(from: $0.baseAddress!, count: width * width) }
    self.count = count
    self.reachedCount = reachedCount
    self.begin = begin
  }

  /// Adds the keys of all rows.
  ///
  /// - Parameter begins: rows of begin-of-text tokens; they are added too, and counted apart.
  func add(_ rows: Rows, begins: [Int], threads: Int) {
    if let first = begins.first {
      begin = (begin?.key ?? rows.matrix(rows: [first]).elements, (begin?.count ?? 0) + begins.count)
    }
    count += rows.count
    rows.withUnsafeBufferPointer { addProducts(of: $0, threads: threads) }
  }

  /// Adds the keys of all rows, each of which is some columns of a longer one. Rows of zeros, as an expert has for tokens that do not go
  /// through it, are counted and not multiplied.
  func add(_ rows: Rows, columns: Range<Int>, begins: [Int], threads: Int) {
    guard columns.count < rows.width else { return add(rows, begins: begins, threads: threads) }
    var keys: [Float] = []
    rows.withUnsafeBufferPointer { all in
      func key(_ row: Int) -> Slice<UnsafeBufferPointer<Float>> {
        all[row * rows.width + columns.lowerBound..<row * rows.width + columns.upperBound]
      }
      if let first = begins.first {
        begin = (begin?.key ?? Array(key(first)), (begin?.count ?? 0) + begins.count)
      }
      for row in 0..<rows.count where key(row).contains(where: { $0 != 0 }) { keys += key(row) }
    }
    count += rows.count
    reachedCount = (reachedCount ?? 0) + keys.count / width
    if !keys.isEmpty { keys.withUnsafeBufferPointer { addProducts(of: $0, threads: threads) } }
  }

  /// Adds keys that nobody counts, to see what that takes.
  func add(_ keys: Matrix<Float>, threads: Int) {
    precondition(keys.columns == width, "keys of this width")
    keys.withUnsafeBufferPointer { addProducts(of: $0, threads: threads) }
  }

  private func addProducts(of keys: UnsafeBufferPointer<Float>, threads: Int) {
    let count = keys.count / width
    let tiles = (width + Self.tile - 1) / Self.tile
    let pairs = (0..<tiles).flatMap { row in (0...row).map { (row, $0) } }
    // SAFETY: the pointer outlives the loop, which ends before the closure does.
    nonisolated(unsafe) let keys = keys.baseAddress!
    try? parallelFor(
      pairs.count, width: threads, state: { [Float](repeating: 0, count: Self.tile * Self.tile) }
    ) {
      index, product in
      let (i, j) = (pairs[index].0 * Self.tile, pairs[index].1 * Self.tile)
      let (m, n) = (min(Self.tile, self.width - i), min(Self.tile, self.width - j))
      product.withUnsafeMutableBufferPointer { product in
        Float.gemm(
          transposeA: true, transposeB: false, m: m, n: n, k: count, alpha: 1, a: keys + i, lda: self.width,
          b: keys + j, ldb: self.width, beta: 0, c: product.baseAddress!, ldc: n)
        for row in 0..<m {
          let target = self.sums + (i + row) * self.width + j
          for column in 0..<n { target[column] += Double(product[row * n + column]) }
        }
      }
    }
  }

  /// The first input at which the sum is no number: a key that is none, or so large that its square is none, shows on the diagonal.
  var firstNonFinite: Int? { (0..<width).first { !sums[$0 * width + $0].isFinite } }

  /// A row of the whole, symmetric sum.
  func row(_ index: Int) -> [Double] {
    let end = min((index / Self.tile + 1) * Self.tile, width)
    return (0..<width).map { $0 < end ? sums[index * width + $0] : sums[$0 * width + index] }
  }
}
