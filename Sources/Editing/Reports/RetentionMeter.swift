internal import LinearAlgebra
internal import Patches
internal import Synchronization

/// Measures, while a patch is made, what the edited weight does to the edits' own keys after rounding.
///
/// Rounding to the element type swallows changes below half a unit in the last place. *Retention* is the share of the
/// wanted change of outputs, ΔK, that is left in the stored weight: ⟨(Ŵ − W)K, ΔK⟩ / ⟨ΔK, ΔK⟩. One where nothing is lost.
final class RetentionMeter: Sendable {
  private let change: (outputWidth: Int, columns: Int, orientation: TensorChange.Orientation)
  /// K: one row per edit, [edits × inputWidth].
  private let keys: Matrix<Float>
  private let state: Mutex<State>

  private struct State {
    /// (Ŵ − W)K, [outputWidth × edits].
    var response: Matrix<Float>
    var squaredNorm = 0.0
    var changedCount = 0
  }

  init(outputWidth: Int, columns: Int, orientation: TensorChange.Orientation, keys: Matrix<Double>) {
    change = (outputWidth, columns, orientation)
    self.keys = Matrix(keys)
    state = Mutex(State(response: Matrix(rows: outputWidth, columns: keys.rows)))
  }

  /// Takes a tile, from any thread.
  func observe(_ tile: EditedTile) {
    var squaredNorm = 0.0
    var changedCount = 0
    let count = tile.elements.count
    let difference = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count {
        let before = tile.base[index]
        let moved = tile.edited[index] - before
        squaredNorm += Double(before) * Double(before)
        // Weights that are not numbers never change.
        buffer[index] = moved == moved ? moved : 0
        if moved != 0 && moved == moved { changedCount += 1 }
      }
      initialized = count
    }
    // A tile is the end of a row, whole rows, and the start of a row.
    var next = 0
    while next < count {
      let element = tile.elements.lowerBound + next
      let column = element % change.columns
      let whole = column == 0 ? (count - next) / change.columns : 0
      let length = whole > 0 ? whole * change.columns : min(change.columns - column, count - next)
      let rows = max(whole, 1)
      let block = Matrix(
        rows: rows, columns: length / rows, elements: Array(difference[next..<next + length]))
      add(block, row: element / change.columns, column: column)
      next += length
    }
    state.withLock {
      $0.squaredNorm += squaredNorm
      $0.changedCount += changedCount
    }
  }

  /// Adds the response of a block of Ŵ − W that begins at a row and column of the storage.
  private func add(_ block: Matrix<Float>, row: Int, column: Int) {
    switch change.orientation {
    case .outputMajor:
      let used = keys.columns(column..<column + block.columns)
      let response = block.times(used, otherTransposed: true)
      state.withLock { $0.response.add(response, row: row) }
    case .inputMajor:
      let used = keys.columns(row..<row + block.rows)
      let response = block.times(used, transposed: true, otherTransposed: true)
      state.withLock { $0.response.add(response, row: column) }
    }
  }

  /// What was measured, over all tiles.
  struct Result {
    /// ‖W‖_F.
    let baseNorm: Double
    /// Elements that differ after rounding.
    let changedCount: Int
    /// Retention over all edits.
    let retention: Double
    /// Retention of each edit.
    let retentions: [Double]
  }

  /// Compares with the wanted change of outputs.
  ///
  /// - Parameters:
  ///   - update: Δ before any rounding.
  ///   - editOfKey: the edit of each key; as many edits as keys where `nil`.
  func result(wanted update: LowRankFactors, editOfKey: [Int]? = nil) -> Result {
    let wanted = update.left.times(update.right.times(Matrix(keys), otherTransposed: true))
    return state.withLock { state in
      let edits = editOfKey ?? Array(0..<keys.rows)
      var products = [Double](repeating: 0, count: (edits.max() ?? -1) + 1)
      var squares = products
      for row in 0..<wanted.rows {
        for (key, edit) in edits.enumerated() {
          products[edit] += Double(state.response[row, key]) * wanted[row, key]
          squares[edit] += wanted[row, key] * wanted[row, key]
        }
      }
      return Result(
        baseNorm: state.squaredNorm.squareRoot(), changedCount: state.changedCount,
        retention: products.reduce(0, +) / squares.reduce(0, +),
        retentions: zip(products, squares).map { $1 > 0 ? $0 / $1 : 1 })
    }
  }
}

extension Matrix where Scalar == Float {
  fileprivate func columns(_ range: Range<Int>) -> Matrix {
    if range == 0..<columns { return self }
    var elements: [Float] = []
    elements.reserveCapacity(rows * range.count)
    for row in 0..<rows {
      elements += self.row(row)[(row * columns + range.lowerBound)..<(row * columns + range.upperBound)]
    }
    return Matrix(rows: rows, columns: range.count, elements: elements)
  }

  fileprivate mutating func add(_ block: Matrix, row first: Int) {
    for row in 0..<block.rows {
      for column in 0..<block.columns { self[first + row, column] += block[row, column] }
    }
  }
}
