internal import LinearAlgebra
internal import Synchronization

/// Tiles computed together before their results are taken: memory stays bounded whatever the tensor's size.
private let windowTiles = 64

/// Computes tiles side by side, window by window, and takes the results one after another in the order of the tiles.
///
/// - Parameters:
///   - state: made once for each thread and kept from window to window: fresh memory costs more than the work done in it.
///   - compute: called from several threads.
///   - take: called by the caller's own thread.
func forEachTile<State, Result: Sendable>(
  _ count: Int, threads: Int, state: @escaping @Sendable () -> State,
  _ compute: @Sendable (Int, State) throws -> Result, take: (Result) throws -> Void
) throws {
  let pool = Pool(state)
  for start in stride(from: 0, to: count, by: windowTiles) {
    let window = start..<min(start + windowTiles, count)
    let results = Mutex([Result?](repeating: nil, count: window.count))
    try parallelFor(window.count, width: threads, state: { Pool.Loan(pool) }) { index, loan in
      let result = try compute(window.lowerBound + index, loan.state)
      results.withLock { $0[index] = result }
    }
    for result in results.withLock({ $0.compactMap { $0 } }) { try take(result) }
  }
}

/// States that outlive one round of threads.
private final class Pool<State>: @unchecked Sendable {
  // SAFETY: a state is either in the list, which the lock guards, or lent to one thread.
  private var free: [State] = []
  private let lock = Mutex(())
  private let make: @Sendable () -> State

  init(_ make: @escaping @Sendable () -> State) { self.make = make }

  /// One thread's loan; it comes back when the thread is done.
  final class Loan {
    let state: State
    private let pool: Pool

    init(_ pool: Pool) {
      self.pool = pool
      state = pool.lock.withLock { _ in pool.free.popLast() } ?? pool.make()
    }

    deinit { pool.lock.withLock { _ in pool.free.append(state) } }
  }
}
