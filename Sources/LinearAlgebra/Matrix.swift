/// A dense matrix, stored row by row.
///
/// A value like any array: copied on write, so a large one is handed on with `consume` or changed in place.
public struct Matrix<Scalar: BLASScalar>: Equatable, Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  @usableFromInline var storage: [Scalar]

  /// All zeros. `[rows × columns]`
  @inlinable public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, elements: [Scalar](repeating: 0, count: rows * columns))
  }

  /// A matrix of the given elements, row by row.
  @inlinable public init(rows: Int, columns: Int, elements: consuming [Scalar]) {
    precondition(rows >= 0 && columns >= 0, "a matrix has no negative sizes")
    precondition(elements.count == rows * columns, "a matrix needs rows × columns elements")
    self.rows = rows
    self.columns = columns
    storage = elements
  }

  /// Ones on the diagonal, zeros elsewhere. `[order × order]`
  @inlinable public static func identity(_ order: Int) -> Matrix {
    var matrix = Matrix(rows: order, columns: order)
    for i in 0..<order { matrix.storage[i * order + i] = 1 }
    return matrix
  }

  /// All elements, row by row.
  @inlinable public var elements: [Scalar] { storage }

  /// Whether there are as many rows as columns.
  @inlinable public var isSquare: Bool { rows == columns }

  /// One element. An index outside the matrix traps.
  @inlinable public subscript(row: Int, column: Int) -> Scalar {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
      return storage[row * columns + column]
    }
    set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
      storage[row * columns + column] = newValue
    }
  }

  /// One row, without a copy.
  @inlinable public func row(_ row: Int) -> ArraySlice<Scalar> {
    precondition(row >= 0 && row < rows, "row outside the matrix")
    return storage[row * columns..<(row + 1) * columns]
  }

  /// The elements (i, i).
  @inlinable public var diagonal: [Scalar] {
    (0..<min(rows, columns)).map { storage[$0 * columns + $0] }
  }

  /// The stored elements in place, row by row. The pointer must not outlive the closure.
  @inlinable public func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    try storage.withUnsafeBufferPointer(body)
  }

  /// The stored elements in place, for writing. The pointer must not outlive the closure.
  @inlinable public mutating func withUnsafeMutableBufferPointer<Result>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    try storage.withUnsafeMutableBufferPointer { try body($0) }
  }
}

extension Matrix<Double> {
  /// The same numbers in `Double`, exactly.
  public init(_ other: Matrix<Float>) {
    self.init(rows: other.rows, columns: other.columns, elements: other.storage.map(Double.init))
  }
}

extension Matrix<Float> {
  /// The numbers rounded to `Float`.
  public init(_ other: Matrix<Double>) {
    self.init(rows: other.rows, columns: other.columns, elements: other.storage.map(Float.init))
  }
}
