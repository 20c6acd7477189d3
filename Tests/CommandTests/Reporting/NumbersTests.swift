import Testing

@testable import errata

/// Every formatter takes every number.
@Suite struct NumbersTests {
  static let numbers: [Double] = [
    .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    .leastNonzeroMagnitude, 0, -0.0, 1e15, -1e15, 9.2e18, 9.3e18, 1e300, 0.5, -12.25,
  ]

  @Test(arguments: numbers) func `no number stops a formatter`(value: Double) {
    let texts = [
      Numbers.percent(value), Numbers.significant(value, 3), Numbers.fixed(value, 0), Numbers.fixed(value, 1),
      Numbers.fixed(value, 6),
    ]
    #expect(texts.allSatisfy { !$0.isEmpty && $0.count < 30 })
    if !value.isFinite { #expect(texts.allSatisfy { $0 == "–" }) }
    for largest in Self.numbers { #expect(Numbers.bar(value, of: largest).count <= 12) }
  }

  @Test func `ordinary numbers read as ever`() {
    #expect(Numbers.fixed(-12.25, 1) == "-12.3" && Numbers.fixed(0.04, 1) == "0.0")
    #expect(Numbers.fixed(123_456_789, 2) == "123456789.00" && Numbers.fixed(1e300, 1) == "1.0e300")
    #expect(Numbers.bar(6, of: 12).count == 6 && Numbers.bar(0.01, of: 12).count == 1)
  }
}
