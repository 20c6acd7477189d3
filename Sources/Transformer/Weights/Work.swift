internal import Kernels
internal import LinearAlgebra

/// The threads and the memory that a network works with.
struct Work: Sendable {
  let threads: Int
  let pool: RowPool

  /// Operations below which a second thread costs more than it saves.
  private static let smallest = 100_000

  /// Runs `body` for 0 ..< count, on several threads where the cost, in operations, is worth it.
  func forEach(_ count: Int, cost: Int, _ body: @Sendable (Int) -> Void) {
    guard threads > 1, count > 1, cost >= Self.smallest else {
      for index in 0..<count { body(index) }
      return
    }
    // The body does not throw, so neither does the loop.
    try? parallelFor(count, width: threads, state: {}) { index, _ in body(index) }
  }

  /// Runs `body` over pieces of the rows of a batch.
  func forRows(_ count: Int, cost: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let piece = max(1, min(count, Self.smallest / max(1, cost)))
    forEach((count + piece - 1) / piece, cost: count * cost) { index in
      body(index * piece..<min((index + 1) * piece, count))
    }
  }
}

/// Shorter names for row kernels.
enum Kernel {
  static func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
    errata_add_rows(x, y, count)
  }

  static func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    for index in 0..<count { x[index] *= factor }
  }
}
