import Glibc
import Testing

@testable import Editing

/// Sums for ∫₀¹, against what they are known to give.
@Suite struct QuadratureTests {
  private func attribution(_ rule: Quadrature, _ a: Double, slope: (Double) -> Double) -> Double {
    rule.points.reduce(0) { $0 + $1.weight * a * slope($1.place * a) }
  }

  /// σ(2a) at a = 1.5: σ(3) − σ(0) = 0.452574.
  @Test func `each rule gives its own figure of a sigmoid`() {
    func slope(_ a: Double) -> Double {
      let s = 1 / (1 + exp(-2 * a))
      return 2 * s * (1 - s)
    }
    func found(_ rule: Quadrature) -> Double { attribution(rule, 1.5, slope: slope) }
    #expect(abs(found(.left(20)) - 0.467859) < 1e-6)
    #expect(abs(found(.ends(20)) - 0.452003) < 1e-6)
    #expect(abs(found(.gauss(10)) - 0.452574127) < 1e-8)
    #expect(abs(found(.left(1)) - 0.75) < 1e-12 && abs(found(.ends(1)) - 0.75) < 1e-12)
  }

  @Test(arguments: 1...12) func `n points are exact up to degree 2n − 1`(count: Int) {
    for degree in 0..<2 * count {
      let sum = Quadrature.gauss(count).points.reduce(0) { $0 + $1.weight * pow($1.place, Double(degree)) }
      #expect(abs(sum - 1 / Double(degree + 1)) < 1e-12, "degree \(degree)")
    }
  }

  /// Logits (a₁ − ½a₂, .2a₁ + .3a₂, 0), class 0, a = (2, 1): the attributions sum to P(a) − P(0).
  @Test func `attributions of two entries complete each other`() {
    func gradient(_ a: [Double]) -> [Double] {
      let logits = [a[0] - 0.5 * a[1], 0.2 * a[0] + 0.3 * a[1], 0].map { exp($0) }
      let p = logits.map { $0 / logits.reduce(0, +) }
      let rows = [[1, 0.2, 0], [-0.5, 0.3, 0]]
      return rows.map { row in p[0] * (row[0] - zip(p, row).reduce(0) { $0 + $1.0 * $1.1 }) }
    }
    func attributions(_ rule: Quadrature) -> [Double] {
      let sums = rule.points.reduce([0.0, 0.0]) { sum, point in
        zip(sum, gradient([2 * point.place, point.place])).map { $0 + point.weight * $1 }
      }
      return [2 * sums[0], sums[1]]
    }
    let found = attributions(.gauss(20))
    #expect(abs(found[0] - 0.42881295) < 1e-7 && abs(found[1] + 0.16422435) < 1e-7)
    #expect(abs(found.reduce(0, +) - 0.26458860) < 1e-7)
    let single = attributions(.ends(1))
    #expect(abs(single[0] - 0.4) < 1e-9 && abs(single[1] + 0.144444) < 1e-5)
  }
}
