internal import LinearAlgebra
internal import Glibc
internal import Kernels
internal import ModelFiles
internal import Synchronization

/// Where a tensor's bytes are.
enum TensorContent: Sendable {
  /// In a file.
  case file(OpenFile)
  /// At hand, as if they began at this place of a file.
  case bytes([UInt8], at: Int)

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    switch self {
    case .file(let file): try file.read(into: buffer, at: offset)
    case .bytes(let bytes, let start):
      let first = offset - start
      bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[first..<first + buffer.count])) }
    }
  }

  func read(_ count: Int, at offset: Int) throws -> [UInt8] {
    switch self {
    case .file(let file): try file.read(count, at: offset)
    case .bytes(let bytes, let start): Array(bytes[offset - start..<offset - start + count])
    }
  }
}

/// A tensor before and after, of one type and shape.
struct TensorPair: Sendable {
  let before: TensorInfo
  let after: TensorInfo
  let base: OpenFile
  let edited: TensorContent

  /// Number of tiles.
  var tileCount: Int { Tiling.count(before.byteCount) }

  /// Reads a tile of both.
  func read(
    _ tile: Int, before: UnsafeMutableRawBufferPointer, after: UnsafeMutableRawBufferPointer
  ) throws {
    let range = Tiling.range(tile, of: self.before.byteCount)
    try base.read(into: before, at: self.before.byteRange.lowerBound + range.lowerBound)
    try edited.read(into: after, at: self.after.byteRange.lowerBound + range.lowerBound)
  }
}

extension TensorPair {
  init(_ name: String, _ comparison: ModelComparison) throws {
    let before = try comparison.base.tensor(name)
    let after = try comparison.edited.tensor(name)
    self.init(
      before: before, after: after, base: comparison.base.file(of: before),
      edited: .file(comparison.edited.file(of: after)))
  }
}

/// What a tensor's change amounts to.
public struct ChangeMeasure: Sendable {
  var squaredBase = 0.0
  var squaredChange = 0.0
  /// Elements that differ.
  public internal(set) var changedCount = 0
  var elementCount = 0

  /// ‖Δ‖ / ‖W‖; `nil` for types that are not measured.
  public var relativeChange: Double? { squaredBase > 0 ? (squaredChange / squaredBase).squareRoot() : nil }
  /// Share of elements that differ.
  public var changedShare: Double { Double(changedCount) / Double(max(elementCount, 1)) }

  mutating func add(_ other: ChangeMeasure) {
    squaredBase += other.squaredBase
    squaredChange += other.squaredChange
    changedCount += other.changedCount
    elementCount += other.elementCount
  }

  var json: JSONValue {
    [
      "relativeChange": relativeChange.map { .measured($0) } ?? .null,
      "changedShare": .measured(changedShare),
    ]
  }
}

extension ModelComparison {
  /// The rank of a changed tensor's difference, if it is low; asks a sample of rows.
  public func rank(of name: String) throws -> Int? {
    try LowRankSearch(pair: TensorPair(name, self), effort: 0).rank()
  }

  /// Measures one of the changed tensors.
  public func measure(_ name: String, threads: Int, progress: @Sendable (Int) -> Void = { _ in }) throws
    -> ChangeMeasure
  {
    let pair = try TensorPair(name, self)
    let total = Mutex(ChangeMeasure())
    try parallelFor(pair.tileCount, width: threads, state: { PairScratch() }) { tile, scratch in
      let count = Tiling.range(tile, of: pair.before.byteCount).count
      let before = scratch.before.bytes(count)
      let after = scratch.after.bytes(count)
      try pair.read(tile, before: before, after: after)
      let measure = scratch.measure(pair.before.elementType, before, after)
      total.withLock { $0.add(measure) }
      progress(count)
    }
    return total.withLock { $0 }
  }
}

/// Buffers that outlive one round of threads: fresh memory costs more than the work done in it.
final class ScratchPool: Sendable {
  private let free = Mutex<[PairScratch]>([])

  /// One thread's loan; it comes back when the thread is done.
  final class Loan {
    let scratch: PairScratch
    private let pool: ScratchPool
    init(_ pool: ScratchPool) {
      self.pool = pool
      scratch = pool.free.withLock { $0.popLast() } ?? PairScratch()
    }
    deinit { pool.free.withLock { [scratch] in $0.append(scratch) } }
  }
}

/// Buffers of one thread that compares and codes. Used by one thread at a time.
final class PairScratch: @unchecked Sendable {
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
