internal import LinearAlgebra

/// What rows ask of each other when their codes are chosen.
///
/// Each row's own objective is blind to the others, and so they all pick the codes of the same few inputs: where a known key has those
/// inputs, all outputs move together, and that is the edit itself over again, in small. So the error counts more along the outputs
/// that the edit writes:
///
///     J = Σ eᵢ H eᵢᵀ + μ Σ aₘ D aₘᵀ,   aₘ = Σ uₘᵢ eᵢ,   u an orthonormal basis of the update's left factors, D = diag P
///
/// Rows are cut into chains of a fixed number, whatever the threads, each of which keeps its own a; a row finds what those before it
/// in its chain have left, and makes up for it.
struct RowCoupling {
  /// μ: along the edit's outputs an error counts so many times more, shared by all rows.
  static let weight: Float = 4
  static let chainCount = 16

  /// u, orthonormal columns. `[outputs × directions]`
  let directions: Matrix<Float>
  /// D. `[inputs]`
  let diagonal: [Float]

  /// What is asked of one row.
  struct Pull {
    /// Half the gradient of what the others ask. `[inputs]`
    let gradient: [Float]
    /// The curvature of each element by itself, beyond H. `[inputs]`
    let curvature: [Float]
  }

  /// - Parameter left: the update's left factors. `[outputs × rank]`
  init(left: Matrix<Double>, diagonal: [Float]) {
    directions = Matrix<Float>(left.orthonormalColumns())
    self.diagonal = diagonal
  }

  /// One chain of rows.
  struct Chain {
    private let coupling: RowCoupling
    /// a. `[directions × inputs]`
    private var sums: Matrix<Float>
    private let factor: Float

    /// - Parameter count: of all chains.
    init(_ coupling: RowCoupling, of count: Int) {
      self.coupling = coupling
      factor = weight * Float(count)
      sums = Matrix(rows: coupling.directions.columns, columns: coupling.diagonal.count)
    }

    /// What the rows before ask of a row.
    func pull(on row: Int, update: ArraySlice<Float>) -> Pull {
      let shares = Array(coupling.directions.row(row))
      let square = shares.reduce(0) { $0 + $1 * $1 }
      var gradient = update.map { -square * $0 }
      for (direction, share) in shares.enumerated() where share != 0 {
        for (index, sum) in sums.row(direction).enumerated() { gradient[index] += share * sum }
      }
      for index in gradient.indices { gradient[index] *= factor * coupling.diagonal[index] }
      return Pull(gradient: gradient, curvature: coupling.diagonal.map { factor * square * $0 })
    }

    /// Takes what a row has left.
    mutating func add(_ row: Int, moved: ArraySlice<Float>, update: ArraySlice<Float>) {
      let errors = zip(moved, update).map { $0 - $1 }
      for (direction, share) in coupling.directions.row(row).enumerated() where share != 0 {
        for index in errors.indices { sums[direction, index] += share * errors[index] }
      }
    }
  }
}

extension Matrix<Double> {
  /// An orthonormal basis of the columns' span, by Gram and Schmidt's way done twice.
  fileprivate func orthonormalColumns() -> Matrix<Double> {
    var basis: [[Double]] = []
    for column in 0..<columns {
      var vector = (0..<rows).map { self[$0, column] }
      let length = vector.sumOfSquares.squareRoot()
      guard length > 0, length.isFinite else { continue }
      for index in vector.indices { vector[index] /= length }
      for _ in 0..<2 {
        for known in basis {
          let along = known.dot(vector)
          for index in vector.indices { vector[index] -= along * known[index] }
        }
      }
      let rest = vector.sumOfSquares.squareRoot()
      guard rest > 1e-6 else { continue }
      basis.append(vector.map { $0 / rest })
    }
    return Matrix(rows: basis.count, columns: rows, elements: basis.flatMap { $0 }).transposed()
  }
}
