internal import LinearAlgebra
internal import ModelFiles

/// Rows of a tensor pair as Float. Its buffers are kept: fresh memory costs more than what is done in it. Used by one thread.
final class RowReader {
  private let pair: TensorPair
  private var bytes: [UInt8] = []
  /// Base and edited, row by row; longer than what was read last, perhaps.
  private(set) var before: [Float] = []
  private(set) var after: [Float] = []
  private var rows = 0

  init(_ pair: TensorPair) { self.pair = pair }

  private var columns: Int { pair.before.shape[1] }

  /// Reads rows `first ..< first + count`.
  func read(_ first: Int, _ count: Int) throws {
    rows = count
    try read(.file(pair.base), pair.before, first, into: &before)
    try read(pair.edited, pair.after, first, into: &after)
  }

  private func read(_ content: TensorContent, _ tensor: TensorInfo, _ first: Int, into floats: inout [Float])
    throws
  {
    let rowBytes = columns * tensor.elementType.bitCount / 8
    if bytes.count < rows * rowBytes { bytes = [UInt8](repeating: 0, count: rows * rowBytes) }
    try bytes.withUnsafeMutableBytes { buffer in
      let own = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(rows * rowBytes)])
      try content.read(into: own, at: tensor.byteRange.lowerBound + first * rowBytes)
      tensor.elementType.convert(own.baseAddress!, count: rows * columns, into: &floats)
    }
  }

  /// EDITED − BASE of the rows that were read; what is not finite counts as unchanged.
  func difference() -> Matrix<Float> {
    let count = rows * columns
    let elements = before.withUnsafeBufferPointer { before in
      after.withUnsafeBufferPointer { after in
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
          for index in 0..<count {
            let change = after[index] - before[index]
            buffer[index] = change - change == 0 ? change : 0
          }
          initialized = count
        }
      }
    }
    return Matrix(rows: rows, columns: columns, elements: elements)
  }
}
