internal import Kernels
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
  /// Inputs.
  let width: Int

  /// What is asked of one row, to be weighed by D.
  struct Pull {
    /// Half the gradient of what the others ask, of each input. Valid until the chain is changed.
    let asked: UnsafePointer<Float>
    /// What an error of the row's own counts beyond H.
    let strength: Float
  }

  /// - Parameters:
  ///   - left: the update's left factors. `[outputs × rank]`
  ///   - width: inputs.
  init(left: Matrix<Double>, width: Int) {
    directions = Matrix<Float>(left.orthonormalColumns())
    self.width = width
  }

  /// One chain of rows.
  final class Chain {
    private let coupling: RowCoupling
    // SAFETY: a, [directions × inputs], and one row more for what is asked; freed in `deinit`, and no other thread has this chain.
    private let sums: UnsafeMutablePointer<Float>
    private let factor: Float

    /// - Parameter count: of all chains.
    init(_ coupling: RowCoupling, of count: Int) {
      self.coupling = coupling
      factor = weight * Float(count)
      let size = (coupling.directions.columns + 1) * coupling.width
      sums = .allocate(capacity: size)
      sums.initialize(repeating: 0, count: size)
    }

    deinit { sums.deallocate() }

    /// What the rows before ask of a row.
    func pull(on row: Int) -> Pull {
      let (width, shares) = (coupling.width, coupling.directions.row(row))
      let asked = sums + shares.count * width
      asked.update(repeating: 0, count: width)
      for (direction, share) in shares.enumerated() where share != 0 {
        errata_add_row(asked, sums + direction * width, factor * share, width)
      }
      return Pull(asked: asked, strength: factor * shares.reduce(0) { $0 + $1 * $1 })
    }

    /// Takes what a row is off by.
    func add(_ row: Int, error: UnsafePointer<Float>) {
      for (direction, share) in coupling.directions.row(row).enumerated() where share != 0 {
        errata_add_row(sums + direction * coupling.width, error, share, coupling.width)
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
