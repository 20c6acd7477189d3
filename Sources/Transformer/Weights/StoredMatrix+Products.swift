internal import Kernels
internal import LinearAlgebra
internal import ModelFiles

extension StoredMatrix {
  /// Which stored axis the outputs of a product run along.
  enum Axis: Sendable {
    case rows
    case columns
  }

  /// Sizes of the pieces a product is cut into. They depend on its sizes alone, so that results do not depend on the number
  /// of threads.
  private enum Piece {
    /// Outputs of one task: enough to make up for packing the inputs again in each.
    static let outputs = 512
    /// Rows of a batch in one task.
    static let batch = 512
    /// Inputs decoded at once: with 512 outputs a panel of 2 MiB.
    static let inputs = 1024
    /// So many rows do not pay for packing or decoding the weights.
    static func isFew(_ batch: Int, _ axis: Axis) -> Bool { batch <= (axis == .rows ? 12 : 8) }
  }

  /// y ← x Mᵀ, or x M where outputs run along columns; y ← y + that if `adding`.
  ///
  /// The tasks multiply with one thread each: OpenBLAS's own threads would wait for each other, and spin, between products.
  ///
  /// - Parameters:
  ///   - x: `[batch × inputs]`, beginning at a column.
  ///   - y: `[batch × outputs]`, beginning at a column.
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
    let isFew = Piece.isFew(batchCount, axis)
    let outputPieces = (outputCount + Piece.outputs - 1) / Piece.outputs
    let batchPieces = (batchCount + Piece.batch - 1) / Piece.batch
    work.forEach(outputPieces * batchPieces, cost: batchCount * outputCount * inputCount / 8) { task in
      let firstOutput = task % outputPieces * Piece.outputs
      let outputs = firstOutput..<min(firstOutput + Piece.outputs, outputCount)
      let firstRow = task / outputPieces * Piece.batch
      let batch = firstRow..<min(firstRow + Piece.batch, batchCount)
      // SAFETY: the ranges lie within both rows, and no two tasks share outputs of a row.
      let source = x.base + batch.lowerBound * x.width + xColumn
      let target = y.base + batch.lowerBound * y.width + yColumn + outputs.lowerBound

      func product(_ weights: UnsafeRawPointer, _ type: ElementType, _ stride: Int, _ inputs: Range<Int>) {
        let adding = adding || inputs.lowerBound > 0
        if isFew {
          errata_few_rows_product(
            type.kernelType, axis == .columns ? 1 : 0, weights, stride, outputs.count, inputs.count,
            source + inputs.lowerBound, x.width, batch.count, target, y.width, adding ? 1 : 0)
        } else {
          Float.gemm(
            transposeA: false, transposeB: axis == .rows, m: batch.count, n: outputs.count, k: inputs.count,
            alpha: 1, a: source + inputs.lowerBound, lda: x.width,
            b: weights.assumingMemoryBound(to: Float.self),
            ldb: stride, beta: adding ? 1 : 0, c: target, ldc: y.width)
        }
      }
      withElements(forFewRows: isFew) { elements in
        if let elements {
          let first = axis == .rows ? outputs.lowerBound * columns : outputs.lowerBound
          product(elements + first * (elementType.bitCount / 8), elementType, columns, 0..<inputCount)
          return
        }
        let panel = work.pool.rows(outputs.count, min(Piece.inputs, inputCount))
        for first in stride(from: 0, to: inputCount, by: Piece.inputs) {
          let inputs = first..<min(first + Piece.inputs, inputCount)
          let (rows, columns) = axis == .rows ? (outputs, inputs) : (inputs, outputs)
          decode(rows: rows, columns: columns, into: panel.base)
          product(panel.base, .f32, columns.count, inputs)
        }
      }
      if let bias {
        for row in 0..<batch.count {
          bias.withUnsafeBufferPointer {
            Kernel.add($0.baseAddress! + outputs.lowerBound, to: target + row * y.width, count: outputs.count)
          }
        }
      }
    }
  }
}
