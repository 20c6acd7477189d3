import Kernels
import LinearAlgebra
import ModelFiles
import Testing

@testable import Transformer

/// Products with stored weights, each against the product of decoded matrices.
@Suite struct ProductTests {
  /// Numbers of a seed, in [−½, ½).
  private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) * 0x1p-24 - 0.5
    }
  }

  private static func stored(_ type: ElementType, rows: Int, columns: Int) throws -> StoredMatrix {
    let bytes = try type.encoded(numbers(rows * columns, seed: 3))
    return StoredMatrix(bytes: .owned(bytes), elementType: type, rows: rows, columns: columns)
  }

  /// The largest error of a product, as a share of its largest element.
  private static func error(
    _ matrix: StoredMatrix, _ axis: StoredMatrix.Axis, batch: Int, adding: Bool, threads: Int = 2
  ) -> Double {
    let work = Work(threads: threads, pool: RowPool())
    let (outputs, inputs) = axis == .rows ? (matrix.rows, matrix.columns) : (matrix.columns, matrix.rows)
    let weights = Matrix(
      rows: matrix.rows, columns: matrix.columns, elements: (0..<matrix.rows).flatMap { matrix.row($0) })
    let x = Matrix(rows: batch, columns: inputs, elements: numbers(batch * inputs, seed: 5))
    let before = Matrix(rows: batch, columns: outputs, elements: numbers(batch * outputs, seed: 7))
    let bias = numbers(outputs, seed: 9)
    var wanted = before
    wanted.addProduct(x, weights, secondTransposed: axis == .rows, beta: adding ? 1 : 0)
    for row in 0..<batch { for column in 0..<outputs { wanted[row, column] += bias[column] } }
    let y = work.pool.rows(before)
    matrix.multiply(work.pool.rows(x), into: y, outputs: axis, adding: adding, bias: bias, work: work)
    return relativeError(y.matrix().elements, wanted.elements)
  }

  @Test(arguments: [ElementType.f32, .f16, .bf16, .f64])
  func `few and many rows are decoded matrices' products`(type: ElementType) throws {
    for (rows, columns) in [(1, 1), (3, 7), (5, 16), (7, 33), (64, 40), (131, 29), (530, 71)] {
      let matrix = try Self.stored(type, rows: rows, columns: columns)
      for batch in [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 40] {
        for axis in [StoredMatrix.Axis.rows, .columns] {
          #expect(Self.error(matrix, axis, batch: batch, adding: batch % 2 == 0) < 1e-5)
        }
      }
    }
  }

  @Test(arguments: [ElementType.q8_0, .q4_0])
  func `quantized weights are decoded in panels`(type: ElementType) throws {
    let matrix = try Self.stored(type, rows: 70, columns: 1088)
    for batch in [1, 6, 30] {
      #expect(Self.error(matrix, .rows, batch: batch, adding: false) < 1e-5)
      #expect(Self.error(matrix, .columns, batch: batch, adding: true) < 1e-5)
    }
  }

  @Test func `a product in many pieces is one product`() throws {
    let matrix = try Self.stored(.bf16, rows: 1030, columns: 1100)
    for axis in [StoredMatrix.Axis.rows, .columns] {
      for batch in [1, 150, 1300] { #expect(Self.error(matrix, axis, batch: batch, adding: true) < 1e-5) }
    }
  }

  @Test(arguments: [errata_f32, errata_f16, errata_bf16], [0, 1] as [Int32])
  func `every instruction set gives the product, and a row's bits alone`(
    type: errata_type, isInputMajor: Int32
  ) {
    let (outputs, inputs, rows) = (37, 83, 11)
    let stride = isInputMajor == 1 ? outputs : inputs
    // One byte off, as in a file.
    let bytes = (0..<4 * outputs * inputs + 1).map { UInt8(truncatingIfNeeded: 40 + $0 &* 7 % 19) }
    let x = Self.numbers(rows * inputs, seed: 11)
    var results: [[Float]] = []
    for level in [0, 3, 4] as [Int32] where level <= errata_kernel_best_level() {
      func product(_ rows: Range<Int>) -> [Float] {
        var y = [Float](repeating: 0, count: rows.count * outputs)
        bytes.withUnsafeBytes {
          errata_few_rows_product_at(
            level, type, isInputMajor, $0.baseAddress! + 1, stride, outputs, inputs,
            Array(x[(rows.lowerBound * inputs)...]),
            inputs, rows.count, &y, outputs, 0)
        }
        return y
      }
      let together = product(0..<rows)
      for row in 0..<rows {
        #expect(product(row..<row + 1) == Array(together[row * outputs..<(row + 1) * outputs]))
      }
      results.append(together)
    }
    for other in results { #expect(relativeError(other, results[0]) < 1e-5) }
  }
}
