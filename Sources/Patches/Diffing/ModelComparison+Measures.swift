internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension ModelComparison {
  /// The rank of a changed tensor's difference, if it is low; asks a sample of rows.
  public func rank(of name: String) throws -> Int? {
    try LowRankSearch(pair: TensorPair(name, self), effort: 0).rank()
  }

  /// What a changed tensor was multiplied by, if that explains its change; asks a few tiles.
  public func gain(of name: String) throws -> Double? {
    try ScaleSearch(pair: TensorPair(name, self)).gain()
  }

  /// Measures one of the changed tensors.
  public func measure(_ name: String, threads: Int, progress: @Sendable (Int) -> Void = { _ in }) throws
    -> ChangeMeasure
  {
    let pair = try TensorPair(name, self)
    let total = Mutex(ChangeMeasure())
    try parallelFor(pair.tileCount, width: threads, state: { PairScratch() }) { tile, scratch in
      let (before, after) = try pair.read(tile, scratch)
      let measure = scratch.measure(pair.before.elementType, before, after)
      total.withLock { $0.add(measure) }
      progress(before.count)
    }
    return total.withLock { $0 }
  }

  /// Bytes of the tensors that differ: as they are after, or were before they went.
  public var changedByteCount: Int { names.reduce(0) { $0 + byteCount(of: $1) } }

  /// Bytes of a tensor as it is after, or was before it went.
  func byteCount(of name: String) -> Int {
    ((try? edited.tensor(name)) ?? (try? base.tensor(name)))?.byteCount ?? 0
  }
}
