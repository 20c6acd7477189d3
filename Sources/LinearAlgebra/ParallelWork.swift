internal import Dispatch
internal import Synchronization

/// Runs `body` for 0 ..< count on up to `width` threads; each thread has a state of its own. The first error wins and
/// stops the rest.
///
/// Work is handed out by a counter, so uneven pieces balance and nothing depends on which thread did what.
public func parallelFor<State>(
  _ count: Int, width: Int, state makeState: @Sendable () -> State,
  _ body: @Sendable (Int, inout State) throws -> Void
) throws {
  let next = Atomic<Int>(0)
  let failure = Mutex<(any Error)?>(nil)
  DispatchQueue.concurrentPerform(iterations: max(1, min(width, count))) { _ in
    var state: State?
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      if index >= count || failure.withLock({ $0 != nil }) { return }
      do {
        if state == nil { state = makeState() }
        try body(index, &state!)
      } catch {
        failure.withLock { if $0 == nil { $0 = error } }
        return
      }
    }
  }
  if let error = failure.withLock({ $0 }) { throw error }
}
