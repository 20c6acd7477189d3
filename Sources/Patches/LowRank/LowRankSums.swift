internal import Kernels

/// The product of a tensor's factors, element by element, in the fixed order that `Formats/patch.md` defines.
///
/// The factor of the storage's columns is packed once into panels of 48 columns, which all rows share.
final class LowRankSums: Sendable {
  let rows: Int
  let columns: Int
  let rank: Int
  /// Factors of the storage's rows, [rows × rank].
  private let rowFactors: [Float]
  /// Factors of the storage's columns, [panel × rank × 48], zero beyond the last column.
  private let panels: [Float]

  static let panelWidth = Int(errata_panel_width)
  /// Floats of scratch for one call; a mebibyte stays in the second-level cache.
  private static let scratchCount = 1 << 18
  private static let rowLimit = 16

  /// Packs the factors for a tensor's storage.
  init(_ factors: StoredFactors, _ form: LowRankForm) {
    rows = form.rows
    columns = form.columns
    rank = factors.rank
    let right = factors.right.enumerated().map { $1 * factors.scales[$0 / form.inputWidth] }
    let isOutputMajor = form.orientation == .outputMajor
    rowFactors = LowRankSums.transposed(isOutputMajor ? factors.left : right, runs: rank, count: rows)
    panels = LowRankSums.packed(isOutputMajor ? right : factors.left, rank: rank, columns: columns)
  }

  private static func transposed(_ values: [Float], runs: Int, count: Int) -> [Float] {
    var result = [Float](repeating: 0, count: values.count)
    for run in 0..<runs {
      for index in 0..<count { result[index * runs + run] = values[run * count + index] }
    }
    return result
  }

  private static func packed(_ values: [Float], rank: Int, columns: Int) -> [Float] {
    let panelCount = (columns + panelWidth - 1) / panelWidth
    var result = [Float](repeating: 0, count: panelCount * rank * panelWidth)
    for component in 0..<rank {
      for column in 0..<columns {
        result[(column / panelWidth * rank + component) * panelWidth + column % panelWidth] =
          values[component * columns + column]
      }
    }
    return result
  }

  /// Memory that one thread needs; not to be shared.
  final class Scratch {
    let sums = UnsafeMutablePointer<Float>.allocate(capacity: LowRankSums.scratchCount)
    /// Sums that are wanted again: of a tile that is taken there and back.
    private var kept: UnsafeMutableBufferPointer<Float>?
    private var keptElements: Range<Int>?
    private var isKeeping = false

    deinit {
      sums.deallocate()
      kept?.deallocate()
    }

    /// Computes the sums of one range of elements once within `body`, whatever asks for them there.
    func keepingSums<Result>(_ body: () throws -> Result) rethrows -> Result {
      isKeeping = true
      defer { (isKeeping, keptElements) = (false, nil) }
      return try body()
    }

    /// The sums of these elements, where they are at hand.
    fileprivate func sums(of elements: Range<Int>) -> UnsafePointer<Float>? {
      keptElements == elements ? kept?.baseAddress.map { UnsafePointer($0) } : nil
    }

    /// Where the sums of these elements are to be kept; `nil` where nobody wants them again.
    fileprivate func room(for elements: Range<Int>) -> UnsafeMutablePointer<Float>? {
      guard isKeeping else { return nil }
      if kept.map({ $0.count < elements.count }) ?? true {
        kept?.deallocate()
        kept = .allocate(capacity: elements.count)
      }
      return kept?.baseAddress
    }

    fileprivate func hold(_ elements: Range<Int>) { keptElements = elements }
  }

  /// Computes the sums of a range of elements in storage order and hands them out run by run.
  func forEachRun(
    in elements: Range<Int>, _ scratch: Scratch,
    _ body: (_ run: Range<Int>, _ sums: UnsafePointer<Float>) -> Void
  ) {
    if let sums = scratch.sums(of: elements) { return body(elements, sums) }
    guard let room = scratch.room(for: elements) else { return computeRuns(elements, scratch, body) }
    computeRuns(elements, scratch) { run, sums in
      // SAFETY: there is room for all of the elements, of which the run is a part.
      (room + run.lowerBound - elements.lowerBound).update(from: sums, count: run.count)
      body(run, sums)
    }
    scratch.hold(elements)
  }

  private func computeRuns(
    _ elements: Range<Int>, _ scratch: Scratch,
    _ body: (_ run: Range<Int>, _ sums: UnsafePointer<Float>) -> Void
  ) {
    let widest = LowRankSums.scratchCount / LowRankSums.panelWidth * LowRankSums.panelWidth
    let fullStride = (columns + LowRankSums.panelWidth - 1) / LowRankSums.panelWidth * LowRankSums.panelWidth
    var next = elements.lowerBound
    while next < elements.upperBound {
      let row = next / columns
      let column = next % columns
      let left = elements.upperBound - next
      if column == 0 && left >= columns && fullStride <= widest {
        let count = min(left / columns, widest / fullStride, LowRankSums.rowLimit)
        compute(
          rows: row..<row + count, panels: 0..<fullStride / LowRankSums.panelWidth, stride: fullStride,
          scratch)
        for index in 0..<count {
          let start = next + index * columns
          body(start..<start + columns, scratch.sums + index * fullStride)
        }
        next += count * columns
      } else {
        // A piece of one row: the panels that cover it, from the panel where it begins.
        let firstPanel = column / LowRankSums.panelWidth
        let skipped = column % LowRankSums.panelWidth
        let count = min(columns - column, left, widest - skipped)
        let panelEnd = (column + count + LowRankSums.panelWidth - 1) / LowRankSums.panelWidth
        compute(rows: row..<row + 1, panels: firstPanel..<panelEnd, stride: widest, scratch)
        body(next..<next + count, scratch.sums + skipped)
        next += count
      }
    }
  }

  private func compute(rows: Range<Int>, panels range: Range<Int>, stride: Int, _ scratch: Scratch) {
    rowFactors.withUnsafeBufferPointer { left in
      panels.withUnsafeBufferPointer { right in
        // SAFETY: the caller keeps rows and panels within the tensor, and rows × stride within the scratch.
        errata_low_rank_sums(
          left.baseAddress! + rows.lowerBound * rank, rows.count,
          right.baseAddress! + range.lowerBound * rank * LowRankSums.panelWidth, range.count, rank,
          scratch.sums, stride)
      }
    }
  }
}
