import LinearAlgebra
import Synchronization
import Testing

@Suite struct ParallelWorkTests {
  struct Trouble: Error, Equatable { let index: Int }

  @Test(arguments: [0, 1, 7, 1000], [1, 3, 64])
  func `every index is done once, each thread with a state of its own`(count: Int, width: Int) throws {
    let done = Mutex([Int](repeating: 0, count: count))
    let states = Atomic<Int>(0)
    try parallelFor(count, width: width, state: { states.add(1, ordering: .relaxed) }) { index, _ in
      done.withLock { $0[index] += 1 }
    }
    #expect(done.withLock { $0.allSatisfy { $0 == 1 } })
    #expect(states.load(ordering: .relaxed) <= min(width, count))
  }

  @Test func `an error stops the rest`() {
    let done = Atomic<Int>(0)
    #expect(throws: Trouble(index: 5)) {
      try parallelFor(1000, width: 1, state: {}) { index, _ in
        if index == 5 { throw Trouble(index: index) }
        done.add(1, ordering: .relaxed)
      }
    }
    #expect(done.load(ordering: .relaxed) == 5)
  }
}
