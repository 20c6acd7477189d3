import Testing

@testable import LinearAlgebra

@Suite struct StretchTests {
  @Test(arguments: [0, 1, 6, 7, 8, 20, 21, 22]) func `stretches cover a vector once`(count: Int) {
    var ranges: [Range<Int>] = []
    let sum = addStretches(count, upTo: 7) { start, length -> Double in
      ranges.append(start..<start + Int(length))
      return (start..<start + Int(length)).reduce(0) { $0 + Double($1) }
    }
    #expect(ranges.flatMap { $0 } == Array(0..<count) && ranges.allSatisfy { $0.count <= 7 })
    #expect(sum == (0..<count).reduce(0) { $0 + Double($1) })
  }

  @Test func `a vector of one stretch is one call`() {
    var calls = 0
    _ = addStretches(1 << 30) { _, _ -> Float in
      calls += 1
      return 0
    }
    #expect(calls == 1)
  }
}
