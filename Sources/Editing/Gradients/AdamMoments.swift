internal import Glibc
internal import LinearAlgebra

/// Adam over one kind of numbers: β 0.9 and 0.999, ε 10⁻⁸.
struct AdamMoments {
  /// The step's length.
  let rate: Float
  private(set) var first: [Float]
  private(set) var second: [Float]
  /// Steps made.
  private(set) var count = 0

  private static let (decay1, decay2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)

  init(count: Int, rate: Float) {
    self.rate = rate
    first = [Float](repeating: 0, count: count)
    second = first
  }

  /// Goes on from what steps have left.
  init(first: [Float], second: [Float], count: Int, rate: Float) {
    precondition(first.count == second.count, "two moments of each number")
    (self.first, self.second, self.count, self.rate) = (first, second, count, rate)
  }

  mutating func step(_ numbers: inout [Float], _ gradient: [Float]) {
    numbers.withUnsafeMutableBufferPointer { step($0, gradient) }
  }

  mutating func step(_ numbers: inout Matrix<Float>, _ gradient: [Float]) {
    numbers.withUnsafeMutableBufferPointer { step($0, gradient) }
  }

  private mutating func step(_ numbers: UnsafeMutableBufferPointer<Float>, _ gradient: [Float]) {
    precondition(numbers.count == first.count && gradient.count == first.count, "a gradient of each number")
    count += 1
    let length = rate / (1 - powf(Self.decay1, Float(count)))
    let correction = (1 - powf(Self.decay2, Float(count))).squareRoot()
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { second in
        gradient.withUnsafeBufferPointer { gradient in
          for i in numbers.indices {
            let g = gradient[i]
            first[i] += (1 - Self.decay1) * (g - first[i])
            second[i] = Self.decay2 * second[i] + (1 - Self.decay2) * g * g
            numbers[i] -= length * first[i] / (second[i].squareRoot() / correction + Self.epsilon)
          }
        }
      }
    }
  }
}
