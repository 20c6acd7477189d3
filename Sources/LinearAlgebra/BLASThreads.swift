internal import COpenBLAS
internal import Synchronization

/// The threads OpenBLAS uses: one setting for the whole process, lent and given back.
///
/// Work that is already spread over threads wants 1, and on a loaded machine `potrf` with two threads took three times as long as
/// with one.
public enum BLASThreads {
  /// Does some work with a number of threads.
  ///
  /// Leases may lie within each other, and several threads may hold one: the least that was asked for counts, so that who needs 1 has
  /// 1. When the last of them is given back, the library is as it was before the first. Only the speed depends on the number, and the
  /// last bits.
  public static func with<Result, Failure: Error>(
    _ count: Int, _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let lease = leases.withLock { $0.take(count) }
    defer { leases.withLock { $0.giveBack(lease) } }
    return try work()
  }

  /// At most this many now. Loads the library.
  public static var count: Int { Int(blas_thread_count()) }

  private static let leases = Mutex(Leases())
}

/// What is asked for at the moment, in the order of asking.
private struct Leases: Sendable {
  private var open: [(number: Int, count: Int)] = []
  private var next = 0
  private var before = 1

  mutating func take(_ count: Int) -> Int {
    if open.isEmpty { before = Int(blas_thread_count()) }
    next += 1
    open.append((next, count))
    set()
    return next
  }

  mutating func giveBack(_ number: Int) {
    open.removeAll { $0.number == number }
    set()
  }

  private func set() {
    let wanted = open.map(\.count).min() ?? before
    // Setting what is set already would start stopped threads again, to spin for a tenth of a second each.
    if wanted != Int(blas_thread_count()) { blas_set_thread_count(Int32(wanted)) }
  }
}
