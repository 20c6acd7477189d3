internal import Synchronization
public import LinearAlgebra

/// Rows of floats, one per position of a batch, that several threads may fill side by side.
///
/// The memory goes back to its pool when the last reference goes: touching fresh pages costs more than computing on them.
public final class Rows: @unchecked Sendable {
  /// Number of rows.
  public let count: Int
  /// Floats in a row.
  public let width: Int
  // SAFETY: `count × width` floats, owned until deinit. Concurrent writers take disjoint rows or columns.
  let base: UnsafeMutablePointer<Float>
  private let pool: RowPool
  private let capacity: Int

  fileprivate init(count: Int, width: Int, base: UnsafeMutablePointer<Float>, capacity: Int, pool: RowPool) {
    self.count = count
    self.width = width
    self.base = base
    self.capacity = capacity
    self.pool = pool
  }

  deinit { pool.take(back: base, capacity: capacity) }

  /// Where a row begins.
  func row(_ index: Int) -> UnsafeMutablePointer<Float> {
    precondition(index >= 0 && index < count, "a row of the rows")
    return base + index * width
  }

  /// Puts other numbers into a row. `[width]`
  public func replace(_ index: Int, with numbers: some Collection<Float>) {
    precondition(numbers.count == width, "a number for each column")
    let row = row(index)
    for (column, number) in numbers.enumerated() { row[column] = number }
  }

  /// Sets everything to zero.
  func clear() { base.update(repeating: 0, count: count * width) }

  /// All numbers, row after row, where they lie; the pointer must not leave `body`.
  public func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(self) { try body(UnsafeBufferPointer(start: base, count: count * width)) }
  }

  /// A copy of some rows. `[indices.count × width]`
  public func matrix(rows indices: some Collection<Int>) -> Matrix<Float> {
    let elements = [Float](unsafeUninitializedCapacity: indices.count * width) { buffer, initialized in
      for (place, index) in indices.enumerated() {
        (buffer.baseAddress! + place * width).initialize(from: row(index), count: width)
      }
      initialized = indices.count * width
    }
    return Matrix(rows: indices.count, columns: width, elements: elements)
  }

  /// A copy of all rows.
  public func matrix() -> Matrix<Float> { matrix(rows: 0..<count) }
}

/// Memory for rows, handed out again and again.
final class RowPool: Sendable {
  // SAFETY: a pointer in the list belongs to the pool alone.
  private struct Free: @unchecked Sendable {
    var byCapacity: [Int: [UnsafeMutablePointer<Float>]] = [:]
    /// Of all that was ever handed out.
    var byteCount = 0

    /// Memory of a size, or of one of the next.
    mutating func take(_ wanted: Int, step: Int) -> (capacity: Int, base: UnsafeMutablePointer<Float>)? {
      for capacity in stride(from: wanted, to: wanted + RowPool.sizes * step, by: step) {
        if let base = byCapacity[capacity]?.popLast() { return (capacity, base) }
      }
      return nil
    }
  }
  private let free = Mutex(Free())

  deinit {
    free.withLock { state in for list in state.byCapacity.values { for base in list { base.deallocate() } } }
  }

  /// Bytes that the pool has, free or in use.
  var byteCount: Int { free.withLock { $0.byteCount } }

  /// Sizes that are looked through for memory, the wanted one first.
  private static let sizes = 4

  /// Rows whose contents are whatever was there before.
  func rows(_ count: Int, _ width: Int) -> Rows {
    let wanted = max(count * width, 16)
    // Eight sizes an octave, so that batches of nearly one size share memory.
    let step = max(1, (1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)) >> 3)
    let capacity = (wanted + step - 1) / step * step
    // What was made for rows a little larger does as well: fresh pages would cost more.
    if let (size, base) = free.withLock({ $0.take(capacity, step: step) }) {
      return Rows(count: count, width: width, base: base, capacity: size, pool: self)
    }
    free.withLock { $0.byteCount += 4 * capacity }
    let base = UnsafeMutableRawPointer.allocate(byteCount: 4 * capacity, alignment: 64)
      .bindMemory(to: Float.self, capacity: capacity)
    return Rows(count: count, width: width, base: base, capacity: capacity, pool: self)
  }

  /// Rows with the numbers of a matrix.
  func rows(_ matrix: Matrix<Float>) -> Rows {
    let rows = rows(matrix.rows, matrix.columns)
    matrix.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { rows.base.update(from: start, count: source.count) }
    }
    return rows
  }

  fileprivate func take(back base: UnsafeMutablePointer<Float>, capacity: Int) {
    // SAFETY: the rows that held the pointer are gone.
    nonisolated(unsafe) let base = base
    free.withLock { $0.byCapacity[capacity, default: []].append(base) }
  }
}
