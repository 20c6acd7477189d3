internal import Kernels
internal import LinearAlgebra
internal import ModelFiles

extension StoredMatrix {
  /// Which stored axis the outputs of a product run along.
  enum Axis: Sendable {
    case rows
    case columns
  }

  /// How a product is cut into tasks. That depends on its sizes alone, so that results do not depend on the number of
  /// threads; but a row's bits are the same in any piece of a narrow product, which one thread need not cut.
  private struct Pieces {
    /// Whether the rows are too few to pay for packing or decoding the weights.
    let isFew: Bool
    /// Whether rows are near each other and sums are written once or a few times, so that our own product is the faster.
    let isNarrow: Bool
    /// Outputs and rows of a batch in one task. Each task packs its inputs and weights again, so they are large where that
    /// leaves enough tasks for the threads.
    private(set) var outputs = 1024
    private(set) var batch = 1024
    private let counts: (batch: Int, outputs: Int)
    /// Inputs from which on OpenBLAS is the faster.
    private static let narrow = 1024
    /// Inputs decoded at once: panels of 1 to 4 MiB.
    static let inputs = 1024

    init(batch batchCount: Int, outputs outputCount: Int, inputs: Int, _ axis: Axis, threads: Int) {
      counts = (batchCount, outputCount)
      isFew = batchCount <= (axis == .rows ? 12 : 8)
      isNarrow = !isFew && inputs < Self.narrow && errata_kernel_level() >= 3
      if isFew {
        outputs = axis == .rows ? 128 : 512
        return
      }
      if isNarrow, threads == 1 { return }
      while count < 8, batch > 128 {
        if outputs > 256 { outputs /= 2 } else { batch /= 2 }
      }
    }

    private var across: Int { (counts.outputs + outputs - 1) / outputs }
    /// How many tasks.
    var count: Int { across * ((counts.batch + batch - 1) / batch) }

    /// The rows and the outputs of a task.
    func piece(_ task: Int) -> (batch: Range<Int>, outputs: Range<Int>) {
      let row = task / across * batch
      let output = task % across * outputs
      return (row..<min(row + batch, counts.batch), output..<min(output + outputs, counts.outputs))
    }
  }

  /// y ← x Mᵀ, or x M where outputs run along columns; y ← y + that if `adding`.
  ///
  /// The tasks multiply with one thread each: OpenBLAS's own threads would wait for each other, and spin, between products.
  ///
  /// - Parameters:
  ///   - x: `[batch × inputs]`, beginning at a column.
  ///   - y: `[batch × outputs]`, beginning at a column.
  // Not inlined: the optimizer of Swift 6.3 ends with an error on the closure's matrix in the caller.
  @inline(never)
  func multiply(
    _ x: Rows, from xColumn: Int = 0, into y: Rows, at yColumn: Int = 0, outputs axis: Axis, adding: Bool,
    bias: [Float]? = nil, work: Work
  ) {
    let outputCount = axis == .rows ? rows : columns
    let inputCount = axis == .rows ? columns : rows
    precondition(x.count == y.count, "one row of outputs per row of inputs")
    precondition(xColumn + inputCount <= x.width && yColumn + outputCount <= y.width, "columns of the rows")
    let batchCount = x.count
    guard batchCount > 0 else { return }
    let pieces = Pieces(
      batch: batchCount, outputs: outputCount, inputs: inputCount, axis, threads: work.threads)
    work.forEach(pieces.count, cost: batchCount * outputCount * inputCount / 8) { task in
      let (batch, outputs) = pieces.piece(task)
      // SAFETY: the ranges lie within both rows, and no two tasks share outputs of a row.
      let source = x.base + batch.lowerBound * x.width + xColumn
      let target = y.base + batch.lowerBound * y.width + yColumn + outputs.lowerBound

      func withBias(_ first: Int?, _ body: (UnsafePointer<Float>?) -> Void) {
        guard let bias, let first else { return body(nil) }
        bias.withUnsafeBufferPointer { body($0.baseAddress! + first) }
      }

      func product(_ weights: UnsafeRawPointer, _ type: ElementType, _ stride: Int, _ inputs: Range<Int>) {
        let adding = adding || inputs.lowerBound > 0
        if pieces.isFew {
          errata_few_rows_product(
            type.kernelType, axis == .columns ? 1 : 0, weights, stride, outputs.count, inputs.count,
            source + inputs.lowerBound, x.width, batch.count, target, y.width, adding ? 1 : 0)
        } else if pieces.isNarrow {
          let isLast = inputs.upperBound == inputCount
          withBias(isLast ? outputs.lowerBound : nil) { bias in
            errata_many_rows_product(
              axis == .columns ? 1 : 0, weights.assumingMemoryBound(to: Float.self), stride, outputs.count,
              inputs.count, source + inputs.lowerBound, x.width, batch.count, target, y.width, adding ? 1 : 0,
              bias)
          }
        } else {
          Float.gemm(
            transposeA: false, transposeB: axis == .rows, m: batch.count, n: outputs.count, k: inputs.count,
            alpha: 1, a: source + inputs.lowerBound, lda: x.width,
            b: weights.assumingMemoryBound(to: Float.self),
            ldb: stride, beta: adding ? 1 : 0, c: target, ldc: y.width)
        }
      }
      withElements(forFewRows: pieces.isFew) { elements in
        if let elements {
          let first = axis == .rows ? outputs.lowerBound * columns : outputs.lowerBound
          product(elements + first * (elementType.bitCount / 8), elementType, columns, 0..<inputCount)
          return
        }
        let panel = work.pool.rows(outputs.count, min(Pieces.inputs, inputCount))
        for first in stride(from: 0, to: inputCount, by: Pieces.inputs) {
          let inputs = first..<min(first + Pieces.inputs, inputCount)
          let (rows, columns) = axis == .rows ? (outputs, inputs) : (inputs, outputs)
          decode(rows: rows, columns: columns, into: panel.base)
          product(panel.base, .f32, columns.count, inputs)
        }
      }
      if let bias, !pieces.isNarrow {
        for row in 0..<batch.count {
          bias.withUnsafeBufferPointer {
            Kernel.add($0.baseAddress! + outputs.lowerBound, to: target + row * y.width, count: outputs.count)
          }
        }
      }
    }
  }
}
