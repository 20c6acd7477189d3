import Glibc
import Kernels
import Testing

@testable import Transformer

/// Row kernels of every instruction set against plain loops.
@Suite struct NetworkKernelTests {
  static let levels: [Int] = [0, 3, 4].filter { $0 <= Int(errata_kernel_best_level()) }

  /// Numbers of a seed, in [−½, ½).
  private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) * 0x1p-24 - 0.5
    }
  }

  /// Shapes around the sizes of registers, panels and their depth.
  static let shapes: [(rows: Int, outputs: Int, inputs: Int)] = [
    (1, 1, 1), (7, 5, 3), (13, 33, 17), (6, 64, 256), (11, 67, 257), (20, 131, 530),
  ]

  @Test(arguments: levels, shapes)
  func `a product of many rows is the plain one`(
    level: Int, shape: (rows: Int, outputs: Int, inputs: Int)
  ) {
    let (rows, outputs, inputs) = shape
    let x = Self.numbers(rows * inputs, seed: 1)
    let weights = Self.numbers(outputs * inputs, seed: 2)
    let before = Self.numbers(rows * outputs, seed: 3)
    let bias = Self.numbers(outputs, seed: 4)
    for isInputMajor in [0, 1] {
      for isAdding in [false, true] {
        var wanted = [Float](repeating: 0, count: rows * outputs)
        for row in 0..<rows {
          for output in 0..<outputs {
            var sum = isAdding ? Double(before[row * outputs + output] + bias[output]) : 0
            for k in 0..<inputs {
              let weight = isInputMajor == 1 ? weights[k * outputs + output] : weights[output * inputs + k]
              sum += Double(x[row * inputs + k]) * Double(weight)
            }
            wanted[row * outputs + output] = Float(sum)
          }
        }
        /// Some rows of the product.
        func product(_ range: Range<Int>) -> [Float] {
          var y = Array(before[range.lowerBound * outputs..<range.upperBound * outputs])
          bias.withUnsafeBufferPointer { bias in
            errata_many_rows_product_at(
              Int32(level), Int32(isInputMajor), weights, isInputMajor == 1 ? outputs : inputs, outputs,
              inputs,
              Array(x[(range.lowerBound * inputs)...]), inputs, range.count, &y, outputs, isAdding ? 1 : 0,
              isAdding ? bias.baseAddress : nil)
          }
          return y
        }
        let found = product(0..<rows)
        #expect(relativeError(found, wanted) < 1e-5)
        for row in 0..<rows {
          #expect(product(row..<row + 1) == Array(found[row * outputs..<(row + 1) * outputs]))
        }
      }
    }
  }

  @Test(arguments: levels, [1, 3, 8, 20, 32, 80])
  func `attention of a query is softmax over the positions named`(level: Int, width: Int) {
    let (heads, group, positionCount) = (4, 2, 23)
    let stride = heads / group * width + 3
    let keys = Self.numbers(positionCount * stride, seed: 5)
    let values = Self.numbers(positionCount * stride, seed: 6)
    let queryStride = 3 * width
    let query = Self.numbers(heads * queryStride, seed: 7).map { 9 * $0 }
    let plain = 1 / Float(width).squareRoot()
    let cases: [([UInt32], scale: Float, cap: Float)] = [
      ([4], plain, 0), ([0, 22, 7, 7, 3], plain, 0), (Array((0..<23).reversed()), plain, 0),
      ([0, 22, 7, 7, 3], 0.3, 2), (Array((0..<23).reversed()), 0.01, 50),
    ]
    for (positions, scale, cap) in cases {
      var wanted: [Float] = []
      for head in 0..<heads {
        let column = head / group * width
        let weights = positions.map { position in
          let dot = (0..<width).reduce(0) {
            $0 + Double(query[head * queryStride + $1]) * Double(keys[Int(position) * stride + column + $1])
          }
          let score = Double(scale) * dot
          return exp(cap > 0 ? Double(cap) * tanh(score / Double(cap)) : score)
        }
        let sum = weights.reduce(0, +)
        for i in 0..<width {
          wanted.append(
            Float(
              zip(weights, positions).reduce(0) {
                $0 + $1.0 / sum * Double(values[Int($1.1) * stride + column + i])
              }))
        }
      }
      var scores = [Float](repeating: 0, count: positions.count)
      var mixed = [Float](repeating: 0, count: heads * width)
      errata_attend_at(
        Int32(level), query, queryStride, heads, group, width, scale, cap, keys, values, stride, positions,
        positions.count, &scores, &mixed)
      #expect(relativeError(mixed, wanted) < 1e-5)
    }
  }

  @Test func `the largest is the first of equals, and what is no number never is`() {
    for count in [1, 5, 16, 40, 1000] {
      for place in [0, count / 2, count - 1] {
        var x = Self.numbers(count, seed: UInt64(count))
        x[place] = 2
        if place > 3 { x[1] = .nan }
        x[count - 1] = 2
        var plain = 0
        for index in x.indices where x[index] > x[plain] { plain = index }
        var best = -1
        let sum = errata_summarize(x, count, &best)
        #expect(best == plain)
        #expect(sum.isNaN || sum == errata_log_sum_exp(x, count))
      }
    }
    var best = 7
    #expect(errata_summarize([.nan, 1, 2], 3, &best).isNaN)
    #expect(best == 0)
  }
}
