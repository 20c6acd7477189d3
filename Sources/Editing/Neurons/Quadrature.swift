internal import Glibc

/// Points and weights of a sum that stands for ∫₀¹ f(α) dα.
enum Quadrature: Equatable, Sendable {
  /// Gauss and Legendre's: exact for polynomials up to degree 2n − 1.
  case gauss(Int)
  /// k/n for k = 0 … n − 1: what the authors' code of knowledge neurons sums.
  /// Source: Hunter-DDM/knowledge-neurons, `src/custom_bert.py`, `scaled_input`.
  case left(Int)
  /// n points from 0 to 1, both with a whole share: what the port in EasyEdit sums; one point is 0.
  /// Source: zjunlp/EasyEdit, `models/kn/knowledge_neurons/knowledge_neurons/knowledge_neurons.py`, `scaled_input`.
  case ends(Int)

  /// Places in 0…1, rising, with their weights.
  var points: [(place: Double, weight: Double)] {
    switch self {
    case .gauss(let count): Self.gaussPoints(count)
    case .left(let count): (0..<count).map { (Double($0) / Double(count), 1 / Double(count)) }
    case .ends(let count):
      (0..<count).map { (count > 1 ? Double($0) / Double(count - 1) : 0, 1 / Double(count)) }
    }
  }

  /// Roots of the Legendre polynomial by Newton's method, moved from −1…1 to 0…1.
  private static func gaussPoints(_ count: Int) -> [(Double, Double)] {
    let points = (1...count).map { index -> (Double, Double) in
      var x = cos(Double.pi * (Double(index) - 0.25) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<20 {
        var (last, value) = (1.0, x)
        for degree in 1..<max(count, 1) {
          let k = Double(degree)
          (last, value) = (value, ((2 * k + 1) * x * value - k * last) / (k + 1))
        }
        slope = Double(count) * (x * value - last) / (x * x - 1)
        let step = value / slope
        x -= step
        if step.magnitude < 1e-15 { break }
      }
      return ((1 + x) / 2, 1 / ((1 - x * x) * slope * slope))
    }
    return points.sorted { $0.0 < $1.0 }
  }
}
