internal import ModelFiles

extension PatchWriter {
  /// Adds a tensor pair as one factor for all elements with the difference that it leaves, if that is shorter than the
  /// difference alone.
  ///
  /// - Returns: `nil` when it is not; nothing was added then.
  func appendScaled(
    _ pair: TensorPair, gain: Double, threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> ChangeMeasure? {
    let sample = FactoredPair.sampleTiles(pair.tileCount)
    let coder = try FactoredPair(pair, gain: gain, pair.before.elementType.order, sampleTile: sample[0])
    guard try coder.codedLength(of: sample) < coder.plainLength(of: sample) else { return nil }
    return try append(coder, coder.codeAll(threads: threads, progress: progress))
  }
}

extension ModelComparison {
  /// What a changed tensor was multiplied by, if that explains its change; asks a few tiles.
  public func gain(of name: String) throws -> Double? {
    try ScaleSearch(pair: TensorPair(name, self)).gain()
  }
}
