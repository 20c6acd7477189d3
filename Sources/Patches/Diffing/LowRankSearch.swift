internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

/// Looks for a low-rank update in the difference of two tensors.
///
/// EDITED − BASE is the update plus the rounding of the result to the element type. So a rank counts as found when what is
/// left beside it is no more than rounding explains. A sample of rows is asked first; only if it says yes is the whole
/// difference read, by the randomized range finder with one power step (Halko, Martinsson, Tropp, arXiv:0909.4061).
struct LowRankSearch: Sendable {
  let pair: TensorPair
  /// Passes of interval projection that refine the factors; see `refine`.
  let effort: Int
  /// Threads that share the rows; BLAS is to use one.
  var threads = 1

  var rows: Int { pair.before.shape[0] }
  var columns: Int { pair.before.shape[1] }

  /// Rows asked first; a rank above half of them is not looked for.
  private static let sampleCount = 256
  /// Directions beyond the sample's rank, in which weaker components are found: a quarter of it, and so many.
  private static let spare = 8
  /// Rows taken together through the products.
  private static let blockCount = 128
  /// What is left may exceed the expected rounding energy by this much.
  private static let tolerance = 1.05
  /// A component counts that is so much above the largest that rounding makes.
  private static let margin = 1.1

  /// What a sample of rows shows.
  private struct Sample {
    /// Components without which the rest is more than rounding explains.
    let least: Int
    /// Those that rounding does not hide, if they are more.
    let rank: Int
    /// Of a rounding error, mean over the elements.
    let variance: Double
  }

  /// Finds factors, [rows × rank] and [rank × columns] of the storage, of one rank or two to choose from; none when the difference
  /// has no low rank.
  func factors() throws -> [LowRankFactors] {
    do {
      guard let sample = try sample() else { return [] }
      return try rangeFinder(sample).map { found in
        var factors = found
        for _ in 0..<effort { factors = try refine(factors) }
        return factors
      }
    } catch is LinearAlgebraError {
      // Numbers near the top of the range overflow in the products: such a tensor is coded without factors.
      return []
    }
  }

  /// The rank that a sample of rows shows; `nil` when it is not low.
  func rank() throws -> Int? {
    do { return try sample()?.rank } catch is LinearAlgebraError { return nil }
  }

  /// Half the spacing of the element type at a number, relative to the number's binade.
  var mantissaBits: Int {
    switch pair.before.elementType {
    case .bf16: 7
    case .f16: 10
    default: 23
    }
  }

  /// Energy of a uniform rounding error: spacing² / 12.
  private func roundingEnergy(_ number: Float) -> Double {
    guard number.isFinite, number != 0 else { return 0 }
    let spacing = Double(sign: .plus, exponent: Int(number.exponent) - mantissaBits, significand: 1)
    return spacing * spacing / 12
  }

  /// The rank that a sample of rows shows, if it explains all but rounding.
  private func sample() throws -> Sample? {
    guard pair.before.elementType.isEditable, pair.before.shape.count == 2, min(rows, columns) >= 32 else {
      return nil
    }
    let count = min(Self.sampleCount, rows)
    // Columns are thinned out, evenly: four times the rows show their rank as well as all do.
    let stride = max(1, columns / (4 * Self.sampleCount))
    let width = (columns + stride - 1) / stride
    var elements: [Float] = []
    elements.reserveCapacity(count * width)
    var energy = 0.0
    let reader = RowReader(pair)
    for index in 0..<count {
      try reader.read(index * rows / count, 1)
      for column in Swift.stride(from: 0, to: columns, by: stride) {
        let change = reader.after[column] - reader.before[column]
        elements.append(change - change == 0 ? change : 0)
        energy += roundingEnergy(reader.after[column])
      }
    }
    // In Double: beside an update of F32 weights, a Float product's own rounding is larger than theirs.
    let gram = Matrix<Double>(Matrix(rows: count, columns: width, elements: elements)).rowGram()
    let spectrum = Array(try SymmetricEigen.values(of: gram).reversed())
    var rest = spectrum.reduce(0, +)
    for (rank, value) in spectrum.enumerated() {
      if rest <= energy * Self.tolerance {
        let variance = energy / Double(count * width)
        let all = max(rank, Self.rank(spectrum, rows: count, columns: width, variance: variance))
        return rank > 0 && 2 * rank <= count
          ? Sample(least: rank, rank: min(all, count / 2), variance: variance) : nil
      }
      rest -= max(value, 0)
    }
    return nil
  }

  /// Components above what rounding makes of itself: its largest squared singular value is v (√m + √n)² for errors of variance v
  /// (Marchenko and Pastur; Bai and Yin).
  private static func rank(_ spectrum: [Double], rows: Int, columns: Int, variance: Double) -> Int {
    let edge = (Double(rows).squareRoot() + Double(columns).squareRoot()) * (variance * margin).squareRoot()
    return spectrum.prefix { $0 > edge * edge }.count
  }

  /// Rows of the wanted product, which a reader has read. Called from several threads.
  typealias Target = @Sendable (RowReader, _ rows: Range<Int>) -> Matrix<Float>

  private static let difference: Target = { reader, _ in reader.difference() }

  /// First rows of the blocks.
  private var blocks: [Int] { Array(stride(from: 0, to: rows, by: Self.blockCount)) }

  /// T · Xᵀ for X [k × columns], block by block: [rows × k].
  func product(_ x: Matrix<Float>, _ target: Target) throws -> Matrix<Float> {
    let blocks = blocks
    let parts = Mutex([Matrix<Float>?](repeating: nil, count: blocks.count))
    try parallelFor(blocks.count, width: threads, state: { RowReader(pair) }) { index, reader in
      let block = try self.block(blocks[index], reader, target)
      let part = block.times(x, otherTransposed: true)
      parts.withLock { $0[index] = part }
    }
    let elements = parts.withLock { $0.flatMap { $0?.elements ?? [] } }
    return Matrix(rows: rows, columns: x.rows, elements: elements)
  }

  private func block(_ first: Int, _ reader: RowReader, _ target: Target) throws -> Matrix<Float> {
    let range = first..<min(first + Self.blockCount, rows)
    try reader.read(first, range.count)
    return target(reader, range)
  }

  /// Sums that run side by side and are added in order, so that the number of threads shows in no bit.
  private static let groupCount = 4

  /// Qᵀ · T for Q [rows × k]: [k × columns].
  func projection(_ q: Matrix<Float>, _ target: Target) throws -> Matrix<Float> {
    let blocks = blocks
    let size = (blocks.count + Self.groupCount - 1) / Self.groupCount
    let parts = Mutex([Matrix<Float>?](repeating: nil, count: Self.groupCount))
    try parallelFor(Self.groupCount, width: threads, state: { RowReader(pair) }) { group, reader in
      var part = Matrix<Float>(rows: q.columns, columns: columns)
      for first in blocks.dropFirst(group * size).prefix(size) {
        let block = try self.block(first, reader, target)
        part.addProduct(q.selecting(rows: first..<first + block.rows), block, firstTransposed: true)
      }
      parts.withLock { [part] in $0[group] = part }
    }
    var result = Matrix<Float>(rows: q.columns, columns: columns)
    for part in parts.withLock({ $0 }) { if let part { result.add(part) } }
    return result
  }

  private func rangeFinder(_ sample: Sample) throws -> [LowRankFactors] {
    let width = min(sample.rank * 5 / 4 + Self.spare, min(rows, columns))
    // Seeded, so that the same pair gives the same patch.
    var draw: UInt64 = 0x9E37_79B9_7F4A_7C15
    let noise = (0..<width * columns).map { _ -> Float in
      draw = draw &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: draw >> 32)) * 0x1p-31
    }
    var q = try basis(
      product(Matrix(rows: width, columns: columns, elements: noise), Self.difference))
    q = try basis(product(projection(q, Self.difference), Self.difference))
    let b = try projection(q, Self.difference)
    let least = try truncated(q, b) { _ in sample.least }
    let all = try truncated(q, b) {
      max(1, Self.rank($0, rows: rows, columns: columns, variance: sample.variance))
    }
    // Where rounding swallows part of the update its error is no noise, and components of it are worth nothing: lengths decide.
    return all.rank > least.rank ? [least, all] : [least]
  }

  /// Orthonormal columns that span a product's; one that overflowed is refused here, as LAPACK stops at it.
  func basis(_ product: Matrix<Float>) throws -> Matrix<Float> {
    if let (row, column) = product.firstNonFinite() {
      throw LinearAlgebraError.notFinite(row: row, column: column)
    }
    let largest = product.elements.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0x1p60 else { return ThinQR(product).q }
    // Near the top of the range LAPACK's own sums overflow; a power of two does not turn the columns.
    let scale = Float(sign: .plus, exponent: -Int(largest.exponent), significand: 1)
    return ThinQR(
      Matrix(rows: product.rows, columns: product.columns, elements: product.elements.map { $0 * scale })
    ).q
  }

  /// The best rank-r part of Q · B: the eigenvectors of B Bᵀ turn Q into singular directions. The rank follows from the squared
  /// singular values, descending.
  func truncated(
    _ q: Matrix<Float>, _ b: Matrix<Float>, rank: ([Double]) -> Int
  ) throws -> LowRankFactors {
    let eigen = try SymmetricEigen(of: Matrix<Double>(b).rowGram())
    // Eigenvalues ascend, and eigenvectors are rows.
    let largest = (0..<rank(eigen.values.reversed())).map { eigen.values.count - 1 - $0 }
    let turn = eigen.vectors.selecting(rows: largest)
    return LowRankFactors(
      left: Matrix<Double>(q).times(turn, otherTransposed: true), right: turn.times(Matrix<Double>(b)))
  }
}
