internal import Kernels
internal import ModelFiles

/// Buffers of one thread that compares and codes.
final class PairScratch {
  let before = TileBuffer()
  let after = TileBuffer()
  let coder = NumberCoder()
  private var floatsBefore: [Float] = []
  private var floatsAfter: [Float] = []

  /// Measures a tile; only types that can be edited have norms.
  func measure(
    _ type: ElementType, _ before: UnsafeMutableRawBufferPointer, _ after: UnsafeMutableRawBufferPointer
  ) -> ChangeMeasure {
    var measure = ChangeMeasure()
    let kind = type.order
    measure.elementCount = before.count / Int(kind.width)
    measure.changedCount = errata_count_different(
      kind, before.baseAddress, after.baseAddress, measure.elementCount)
    guard type.isEditable else { return measure }
    // A stretch at a time: what is converted stays in the cache until it is summed.
    let size = type.bitCount / 8
    for start in stride(from: 0, to: before.count, by: 4096 * size) {
      let count = min(4096, (before.count - start) / size)
      type.convert(before.baseAddress! + start, count: count, into: &floatsBefore)
      type.convert(after.baseAddress! + start, count: count, into: &floatsAfter)
      errata_add_change(floatsBefore, floatsAfter, count, &measure.squaredBase, &measure.squaredChange)
    }
    return measure
  }
}
