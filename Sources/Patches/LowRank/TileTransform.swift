internal import Kernels
internal import ModelFiles

/// The two functions of `Formats/patch.md` on one tile: apply, and its inverse with the help of the choices.
struct TileTransform: Sendable {
  let change: TensorChange
  private let sums: LowRankSums
  private let type: errata_type
  private let rounding: errata_rounding

  init(_ factors: StoredFactors, change: TensorChange) {
    self.change = change
    sums = LowRankSums(factors, change: change)
    type = change.elementType.kernelType
    rounding =
      switch change.rounding {
      case .nearest: errata_rounding(is_stochastic: 0, seed: 0)
      case .stochastic(let seed): errata_rounding(is_stochastic: 1, seed: seed)
      }
  }

  /// Buffers of one thread.
  final class Scratch {
    let sums = LowRankSums.Scratch()
    let coder = NumberCoder()
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
    /// Between factors and difference, where a change has both.
    let middle = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
    let marks = UnsafeMutablePointer<UInt8>.allocate(capacity: Tiling.byteCount)
    deinit {
      input.deallocate()
      output.deallocate()
      middle.deallocate()
      marks.deallocate()
    }
  }

  /// Elements of a tile, counted in the tensor.
  func elements(of tile: Int) -> Range<Int> {
    let bytes = Tiling.range(tile, of: change.byteCount)
    return bytes.lowerBound / change.elementSize..<bytes.upperBound / change.elementSize
  }

  /// Computes the edited tile from the base tile.
  func apply(_ tile: Int, base: UnsafeRawPointer, edited: UnsafeMutableRawPointer, _ scratch: Scratch) {
    let first = elements(of: tile).lowerBound
    sums.forEachRun(in: elements(of: tile), scratch.sums) { run, sums in
      let offset = (run.lowerBound - first) * change.elementSize
      errata_add(type, rounding, base + offset, sums, edited + offset, run.count, UInt64(run.lowerBound))
    }
  }

  /// Computes the base tile from the edited tile as far as that alone decides it.
  ///
  /// - Returns: the elements that the choices must decide, or `nil` when an element has no base at all.
  func estimateBase(
    _ tile: Int, edited: UnsafeRawPointer, base: UnsafeMutableRawPointer, _ scratch: Scratch
  ) -> [OpenElement]? {
    let first = elements(of: tile).lowerBound
    var open: [OpenElement] = []
    var hasBase = true
    sums.forEachRun(in: elements(of: tile), scratch.sums) { run, sums in
      let start = run.lowerBound - first
      let offset = start * change.elementSize
      let marked = errata_estimate_base(
        type, rounding, edited + offset, sums, base + offset, scratch.marks, run.count, UInt64(run.lowerBound)
      )
      guard marked > 0, hasBase else { return }
      forEachMark(scratch.marks, count: run.count) { index in
        let bits = load(edited, start + index)
        var low: Int64 = 0
        var high: Int64 = 0
        guard
          errata_preimage(type, rounding, bits, sums[index], UInt64(run.lowerBound + index), &low, &high) != 0
        else {
          hasBase = false
          return
        }
        if low == high {
          store(errata_bits(type, low), base, start + index)
        } else {
          open.append(
            OpenElement(
              position: start + index, candidates: low...high, isPositive: errata_ordinal(type, bits) >= 0))
        }
      }
    }
    return hasBase ? open : nil
  }

  /// Fills in the open elements of a base tile; `false` when the choices are not those of this tile.
  func fill(_ open: [OpenElement], choices: [UInt8], base: UnsafeMutableRawPointer) -> Bool {
    guard let digits = Choices.unpack(open, choices) else { return false }
    for (element, digit) in zip(open, digits) {
      store(errata_bits(type, element.ordinal(of: digit)), base, element.position)
    }
    return true
  }

  /// The choices that lead from the open elements to this base tile.
  func choices(_ open: [OpenElement], base: UnsafeRawPointer) -> [UInt8] {
    Choices.pack(open, open.map { $0.digit(of: errata_ordinal(type, load(base, $0.position))) })
  }

  /// Marks are rare, so eight are looked at together.
  private func forEachMark(_ marks: UnsafePointer<UInt8>, count: Int, _ body: (Int) -> Void) {
    let raw = UnsafeRawPointer(marks)
    var index = 0
    while index < count {
      if index + 8 <= count, raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) == 0 {
        index += 8
        continue
      }
      if marks[index] != 0 { body(index) }
      index += 1
    }
  }

  private func load(_ tile: UnsafeRawPointer, _ position: Int) -> UInt64 {
    switch change.elementSize {
    case 2: UInt64(tile.load(fromByteOffset: 2 * position, as: UInt16.self))
    case 4: UInt64(tile.load(fromByteOffset: 4 * position, as: UInt32.self))
    default: tile.load(fromByteOffset: 8 * position, as: UInt64.self)
    }
  }

  private func store(_ bits: UInt64, _ tile: UnsafeMutableRawPointer, _ position: Int) {
    switch change.elementSize {
    case 2: tile.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * position, as: UInt16.self)
    case 4: tile.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * position, as: UInt32.self)
    default: tile.storeBytes(of: bits, toByteOffset: 8 * position, as: UInt64.self)
    }
  }
}
