import Glibc
import Testing

@testable import LinearAlgebra

/// Threads are a setting of the whole process, so this runs in a process of its own.
@Suite struct BLASThreadsTests {
  @Test func `threads that were stopped come back when they are asked for`() async {
    await #expect(processExitsWith: .success) {
      BLASThreads.stop()
      let a = Matrix<Double>.random(60, 70, seed: 1)
      let b = Matrix<Double>.random(70, 50, seed: 2)
      let alone = a.times(b)
      BLASThreads.count = 2
      let together = a.times(b)
      let large = Matrix<Double>.random(600, 600, seed: 3)
      _ = large.times(large)
      let distance = zip(alone.elements, together.elements).map { abs($0 - $1) }.max() ?? 1
      exit(BLASThreads.count == 2 && distance < 1e-12 ? 0 : 1)
    }
  }
}
