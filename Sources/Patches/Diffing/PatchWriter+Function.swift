internal import Floor
internal import LinearAlgebra
internal import ModelFiles

extension PatchWriter {
  /// Adds a tensor pair as factors with the difference that they leave, if that is shorter than the difference alone.
  ///
  /// - Parameter candidates: factors, of which the shortest are taken.
  /// - Returns: whether it is; else nothing was added.
  func appendLowRank(
    _ pair: TensorPair, _ candidates: [LowRankFactors], threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> Bool {
    var best: (bits: Double, coder: FactoredPair, factors: StoredFactors, shape: LowRankForm)?
    let sample = pair.sampleTiles
    let form = TensorForm(pair.before)
    for (factors, type) in candidates.flatMap({ [($0, TensorChange.FactorType.f16), ($0, .f32)] }) {
      guard let stored = try? StoredFactors(factors, type: type, tensor: pair.before.name) else { continue }
      let shape = LowRankForm(
        tensor: form, orientation: .outputMajor, rank: stored.rank, factorType: type, rounding: .nearest)
      let coder = try FactoredPair(pair, TileTransform(stored, shape))
      let bits =
        Double(8 * stored.rank * (shape.rows + shape.columns) * type.byteCount)
        + 8 * Double(try coder.codedLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
      if bits < best?.bits ?? .infinity { best = (bits, coder, stored, shape) }
    }
    guard let (bits, coder, stored, shape) = best else { return false }
    let plain = 8 * Double(try coder.plainLength(of: sample)) * Double(pair.tileCount) / Double(sample.count)
    guard bits < plain else { return false }

    let tiles = try CodedTiles(coder, for: self, threads: threads, progress: progress)
    var change = LowRankChange(
      shape: shape, baseDigest: tiles.baseDigest, resultDigest: tiles.resultDigest,
      sample: try WeightSample(of: pair.before, in: pair.base, shape))
    change.blocks.leaves = try append(leaves: tiles.leaves)
    try append(stored, to: &change)
    (change.blocks.differences, change.blocks.choices) = try append(tiles)
    append(TensorChange(pair.before.name, change, measured: tiles.measure.json))
    return true
  }

  /// Adds a tensor pair as one factor for all elements with the difference that it leaves, if that is shorter than the
  /// difference alone.
  ///
  /// - Returns: whether it is; else nothing was added.
  func appendScaled(
    _ pair: TensorPair, gain: Double, threads: Int, progress: @Sendable (Int) -> Void
  ) throws -> Bool {
    let form = TensorForm(pair.before)
    let coder = try FactoredPair(pair, TileTransform(scaling: gain, form))
    let sample = pair.sampleTiles
    guard try coder.codedLength(of: sample) < coder.plainLength(of: sample) else { return false }
    let tiles = try CodedTiles(coder, for: self, threads: threads, progress: progress)
    var change = ScaledChange(
      form: form, gain: gain, baseDigest: tiles.baseDigest, resultDigest: tiles.resultDigest)
    change.blocks.leaves = try append(leaves: tiles.leaves)
    (change.blocks.differences, change.blocks.choices) = try append(tiles)
    append(TensorChange(pair.before.name, change, measured: tiles.measure.json))
    return true
  }

  private func append(_ tiles: CodedTiles) throws -> (differences: Range<Int>, choices: Range<Int>) {
    let differences = tiles.isExact ? blockCount..<blockCount : try append(tiles.differences)
    return (differences, try append(tiles.choices))
  }
}

/// All tiles of a factored pair in coded form, put aside until what stands before them is written.
private struct CodedTiles {
  private(set) var leaves: [(base: Digest, result: Digest)] = []
  let differences: BlockSpool
  let choices: BlockSpool
  /// Whether the function alone gives the edited tensor.
  private(set) var isExact = true
  private(set) var measure = ChangeMeasure()

  init(
    _ coder: FactoredPair, for writer: PatchWriter, threads: Int, progress: @Sendable (Int) -> Void
  ) throws {
    differences = try writer.aside()
    choices = try writer.aside()
    try forEachTile(
      coder.pair.tileCount, threads: threads, state: { (PairScratch(), TileTransform.Scratch()) },
      { tile, state in
        let coded = try coder.code(tile, state.0, state.1)
        progress(Tiling.range(tile, of: coder.pair.before.byteCount).count)
        return coded
      },
      take: { tile in
        leaves.append((tile.baseLeaf, tile.resultLeaf))
        try differences.append(.init(coding: .differences, decodedCount: 0, stored: tile.difference))
        try choices.append(.init(coding: .choices, decodedCount: 0, stored: tile.choices))
        isExact = isExact && tile.isExact
        measure.add(tile.measure)
      })
  }

  var baseDigest: Digest { Digest(leaves: leaves.map(\.base)) }
  var resultDigest: Digest { Digest(leaves: leaves.map(\.result)) }
}
