extension Matrix {
  /// Side of the square tiles in which rows and columns are exchanged: two tiles of `Double` fill 64 KiB.
  @usableFromInline static var tile: Int { 64 }

  /// The transpose. `[columns × rows]`
  @inlinable public func transposed() -> Matrix {
    var result = Matrix(rows: columns, columns: rows)
    withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { target in
        // SAFETY: i < rows and j < columns, so both indices stay below rows × columns, the count of each.
        for top in stride(from: 0, to: rows, by: Self.tile) {
          for left in stride(from: 0, to: columns, by: Self.tile) {
            for i in top..<min(top + Self.tile, rows) {
              for j in left..<min(left + Self.tile, columns) {
                target[j * rows + i] = source[i * columns + j]
              }
            }
          }
        }
      }
    }
    return result
  }

  /// These rows, in this order. `[indices.count × columns]`
  @inlinable public func selecting(rows indices: some Collection<Int>) -> Matrix {
    var selected: [Scalar] = []
    selected.reserveCapacity(indices.count * columns)
    for index in indices { selected.append(contentsOf: row(index)) }
    return Matrix(rows: indices.count, columns: columns, elements: selected)
  }

  /// This matrix with the rows of another below. `[(rows + below.rows) × columns]`
  @inlinable public func stacked(on below: Matrix) -> Matrix {
    precondition(columns == below.columns, "stacked matrices have rows of one length")
    return Matrix(rows: rows + below.rows, columns: columns, elements: storage + below.storage)
  }
}

extension Matrix {
  /// Adds a matrix of the same shape.
  @inlinable public mutating func add(_ other: Matrix) {
    precondition(rows == other.rows && columns == other.columns, "a sum is of matrices of one shape")
    for index in storage.indices { storage[index] += other.storage[index] }
  }

  /// Subtracts a matrix of the same shape.
  @inlinable public mutating func subtract(_ other: Matrix) {
    precondition(rows == other.rows && columns == other.columns, "a difference is of matrices of one shape")
    for index in storage.indices { storage[index] -= other.storage[index] }
  }

  /// Multiplies every element by a number.
  @inlinable public mutating func scale(by factor: Scalar) {
    for index in storage.indices { storage[index] *= factor }
  }

  /// Multiplies row i by `factors[i]`.
  @inlinable public mutating func scale(rows factors: [Scalar]) {
    precondition(factors.count == rows, "one factor per row")
    let (rows, columns) = (rows, columns)
    withUnsafeMutableBufferPointer { elements in
      // SAFETY: i < rows and j < columns, so the index stays below rows × columns, the count.
      for i in 0..<rows {
        for j in 0..<columns { elements[i * columns + j] *= factors[i] }
      }
    }
  }

  /// Multiplies column j by `factors[j]`.
  @inlinable public mutating func scale(columns factors: [Scalar]) {
    precondition(factors.count == columns, "one factor per column")
    let (rows, columns) = (rows, columns)
    withUnsafeMutableBufferPointer { elements in
      factors.withUnsafeBufferPointer { factors in
        // SAFETY: i < rows and j < columns = factors.count, so both indices stay in range.
        for i in 0..<rows {
          for j in 0..<columns { elements[i * columns + j] *= factors[j] }
        }
      }
    }
  }
}

extension Matrix {
  /// The first element that is infinite or not a number, if there is one.
  @inlinable public func firstNonFinite() -> (row: Int, column: Int)? {
    guard let index = storage.firstIndex(where: { !$0.isFinite }) else { return nil }
    return (index / columns, index % columns)
  }

  /// Throws `LinearAlgebraError.notFinite` for the first element that is infinite or not a number.
  @inlinable func requireFinite() throws(LinearAlgebraError) {
    if let (row, column) = firstNonFinite() { throw .notFinite(row: row, column: column) }
  }
}
