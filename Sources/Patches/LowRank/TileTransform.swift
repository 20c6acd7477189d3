internal import Kernels
internal import ModelFiles

/// The two functions of `Formats/patch.md` on one tile: apply, and its inverse with the help of the choices.
struct TileTransform: Sendable {
  /// The tensor on either side.
  let form: TensorForm
  private let function: Function
  private let type: errata_type

  /// How an element becomes another.
  private enum Function: Sendable {
    case adding(LowRankSums, errata_rounding)
    case scaling(Double)
  }

  /// A low-rank change.
  init(_ factors: StoredFactors, _ shape: LowRankForm) {
    form = shape.tensor
    type = form.elementType.kernelType
    function = .adding(LowRankSums(factors, shape), shape.rounding.kernelRounding)
  }

  /// A scaled tensor.
  init(scaling gain: Double, _ form: TensorForm) {
    self.form = form
    type = form.elementType.kernelType
    function = .scaling(gain)
  }

  /// The function that a change has; `nil` for those that have none.
  init?(_ change: TensorChange, of patch: PatchFile) throws {
    switch change.kind {
    case .lowRank(let own):
      guard !own.isAware else { return nil }
      self.init(try StoredFactors(of: own, change.name, in: patch), own.shape)
    case .scaled(let own): self.init(scaling: own.gain, own.form)
    case .difference, .resized, .extended, .replaced, .added, .removed: return nil
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
    /// A tile taken back, to be compared; made when it is first needed.
    private(set) lazy var back: UnsafeMutableRawBufferPointer = {
      hasBack = true
      return .allocate(byteCount: Tiling.byteCount, alignment: 64)
    }()
    private var hasBack = false
    let marks = UnsafeMutablePointer<UInt8>.allocate(capacity: Tiling.byteCount)
    /// Kept from tile to tile: fresh memory costs more than what is done in it.
    private(set) var open = UnsafeMutableBufferPointer<OpenElement>.allocate(capacity: 1 << 12)

    /// Makes room for so many open elements beside those that are there.
    func reserveOpen(_ count: Int, keeping present: Int) {
      guard present + count > open.count else { return }
      let larger = UnsafeMutableBufferPointer<OpenElement>.allocate(capacity: 2 * (present + count))
      _ = larger.initialize(from: open[..<present])
      open.deallocate()
      open = larger
    }

    deinit {
      open.deallocate()
      input.deallocate()
      output.deallocate()
      middle.deallocate()
      if hasBack { back.deallocate() }
      marks.deallocate()
    }
  }

  /// Elements of a tile, counted in the tensor.
  func elements(of tile: Int) -> Range<Int> {
    let bytes = Tiling.range(tile, of: form.byteCount)
    return bytes.lowerBound / form.elementSize..<bytes.upperBound / form.elementSize
  }

  /// Computes the edited tile from the base tile.
  func apply(_ tile: Int, base: UnsafeRawPointer, edited: UnsafeMutableRawPointer, _ scratch: Scratch) {
    let elements = elements(of: tile)
    switch function {
    case .scaling(let gain): errata_scale(type, gain, base, edited, elements.count)
    case .adding(let sums, let rounding):
      sums.forEachRun(in: elements, scratch.sums) { run, sums in
        let offset = (run.lowerBound - elements.lowerBound) * form.elementSize
        errata_add(type, rounding, base + offset, sums, edited + offset, run.count, UInt64(run.lowerBound))
      }
    }
  }

  /// Computes the base tile from the edited tile as far as that alone decides it.
  ///
  /// - Returns: the elements that the choices must decide, good until the scratch is used again; or `nil` when an element has
  ///   no base at all.
  func estimateBase(
    _ tile: Int, edited: UnsafeRawPointer, base: UnsafeMutableRawPointer, _ scratch: Scratch
  ) -> UnsafeBufferPointer<OpenElement>? {
    let elements = elements(of: tile)
    var openCount = 0
    var hasBase = true
    /// Takes what a kernel settles of some marked elements.
    func settle(_ marked: Int, _ kernel: (UnsafeMutablePointer<OpenElement>) -> Int) {
      guard marked > 0, hasBase else { return }
      scratch.reserveOpen(marked, keeping: openCount)
      // SAFETY: the kernel writes at most as many as are marked.
      let found = kernel(scratch.open.baseAddress! + openCount)
      hasBase = found >= 0
      openCount += max(found, 0)
    }
    switch function {
    case .scaling(let gain):
      let marked = errata_estimate_unscaled(type, gain, edited, base, scratch.marks, elements.count)
      settle(marked) { errata_open_unscaled(type, gain, edited, base, scratch.marks, elements.count, 0, $0) }
    case .adding(let sums, let rounding):
      sums.forEachRun(in: elements, scratch.sums) { run, sums in
        let start = run.lowerBound - elements.lowerBound
        let (from, to) = (edited + start * form.elementSize, base + start * form.elementSize)
        let first = UInt64(run.lowerBound)
        let marked = errata_estimate_base(type, rounding, from, sums, to, scratch.marks, run.count, first)
        settle(marked) {
          errata_open_elements(type, rounding, from, sums, to, scratch.marks, run.count, first, start, $0)
        }
      }
    }
    return hasBase ? UnsafeBufferPointer(rebasing: scratch.open[..<openCount]) : nil
  }

  /// Fills in the open elements of a base tile; `false` when the choices are not those of this tile.
  func fill(
    _ open: UnsafeBufferPointer<OpenElement>, choices: [UInt8], base: UnsafeMutableRawPointer
  ) -> Bool {
    Choices.unpack(open, choices) { element, digit in
      store(errata_bits(type, element.ordinal(of: digit)), base, Int(element.position))
    }
  }

  /// The choices that lead from the open elements to this base tile.
  func choices(_ open: UnsafeBufferPointer<OpenElement>, base: UnsafeRawPointer) -> [UInt8] {
    Choices.pack(open, open.map { $0.digit(of: errata_ordinal(type, load(base, Int($0.position)))) })
  }

  private func load(_ tile: UnsafeRawPointer, _ position: Int) -> UInt64 {
    switch form.elementSize {
    case 2: UInt64(tile.load(fromByteOffset: 2 * position, as: UInt16.self))
    case 4: UInt64(tile.load(fromByteOffset: 4 * position, as: UInt32.self))
    default: tile.load(fromByteOffset: 8 * position, as: UInt64.self)
    }
  }

  private func store(_ bits: UInt64, _ tile: UnsafeMutableRawPointer, _ position: Int) {
    switch form.elementSize {
    case 2: tile.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * position, as: UInt16.self)
    case 4: tile.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * position, as: UInt32.self)
    default: tile.storeBytes(of: bits, toByteOffset: 8 * position, as: UInt64.self)
    }
  }
}

extension TensorChange.Rounding {
  /// As the kernels take it.
  var kernelRounding: errata_rounding {
    switch self {
    case .nearest: errata_rounding(is_stochastic: 0, seed: 0)
    case .stochastic(let seed): errata_rounding(is_stochastic: 1, seed: seed)
    case .aware: preconditionFailure("no formula rounds so")
    }
  }
}
