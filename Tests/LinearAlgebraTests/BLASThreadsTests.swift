import Glibc
import Testing

@testable import LinearAlgebra

/// Threads are a setting of the whole process, so these run in processes of their own.
@Suite struct BLASThreadsTests {
  @Test func `threads are one until more are asked for, and again when they are given back`() async {
    await #expect(processExitsWith: .success) {
      let a = Matrix<Double>.random(60, 70, seed: 1)
      let b = Matrix<Double>.random(70, 50, seed: 2)
      let alone = a.times(b)
      guard BLASThreads.count == 1 else { exit(1) }
      let large = Matrix<Double>.random(600, 600, seed: 3)
      let together = BLASThreads.with(2) {
        _ = large.times(large)
        guard BLASThreads.count == 2 else { exit(2) }
        BLASThreads.with(1) { if BLASThreads.count != 1 { exit(3) } }
        guard BLASThreads.count == 2 else { exit(4) }
        return a.times(b)
      }
      let distance = zip(alone.elements, together.elements).map { abs($0 - $1) }.max() ?? 1
      exit(BLASThreads.count == 1 && distance < 1e-12 ? 0 : 5)
    }
  }

  @Test func `leases of several threads end where they began, also when the work fails`() async {
    await #expect(processExitsWith: .success) {
      struct Failed: Error {}
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask {
            let a = Matrix<Double>.random(30, 30, seed: UInt64(index))
            try? BLASThreads.with(1 + index % 3) { () throws(Failed) in
              _ = a.times(a)
              if index % 2 == 0 { throw Failed() }
            }
          }
        }
      }
      exit(BLASThreads.count == 1 ? 0 : 1)
    }
  }
}
