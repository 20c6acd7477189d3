internal import Floor
internal import Glibc
public import LinearAlgebra
public import ModelFiles
internal import Synchronization

/// How a low-rank update is to be stored.
public struct LowRankOptions: Sendable {
  /// Type of the stored factors.
  public var factorType: TensorChange.FactorType = .f16
  /// Rounding of the edited elements.
  public var rounding: TensorChange.Rounding = .nearest
  /// Threads to use.
  public var threads = 1

  /// The defaults: F16 factors, nearest rounding.
  public init() {}
}

/// A tile's elements before and after, in storage order.
public struct EditedTile {
  /// Elements, counted in the tensor.
  public let elements: Range<Int>
  /// The base elements as Float.
  public let base: UnsafeBufferPointer<Float>
  /// The edited elements as Float.
  public let edited: UnsafeBufferPointer<Float>
}

extension PatchWriter {
  /// Adds the change `W + left · right` of one tensor of a model.
  ///
  /// - Parameters:
  ///   - factors: left [outputWidth × rank] and right [rank × inputWidth].
  ///   - observe: called from several threads with every tile, before and after.
  ///   - measured: what to note for people, asked for after all tiles were observed.
  /// - Throws: `notEditable`, `notAMatrix`, `factorShape`, `factorNotFinite`, `updateTooLarge`, `resultNotFinite`,
  ///   `roundingNotDefined`.
  public func append(
    _ factors: LowRankFactors, to tensor: TensorInfo, of model: ModelFile,
    orientation: TensorChange.Orientation,
    options: LowRankOptions, observe: (@Sendable (EditedTile) -> Void)? = nil,
    measured: () -> JSONValue? = { nil }
  ) throws {
    let shape = try LowRankForm(of: factors, for: tensor, orientation, options)
    let stored = try StoredFactors(factors, type: options.factorType, tensor: tensor.name)
    let file = model.file(of: tensor)
    let choices = try aside()
    var leaves: [(base: Digest, result: Digest)] = []
    try LowRankTile.forEach(
      TileTransform(stored, shape), of: tensor, in: file, threads: options.threads, observe: observe
    ) { tile in
      leaves.append((tile.baseLeaf, tile.resultLeaf))
      try choices.append(BlockSpool.Block(coding: .choices, decodedCount: 0, stored: tile.choices))
    }
    try append(
      stored, shape, leaves, sample: try WeightSample(of: tensor, in: file, shape), to: tensor,
      measured: measured()
    ) { $0.choices = try append(choices) }
  }

  /// Adds a change with factors, and behind them what leads from one side to the other.
  func append(
    _ stored: StoredFactors, _ shape: LowRankForm, _ leaves: [(base: Digest, result: Digest)],
    sample: WeightSample?, to tensor: TensorInfo, measured: JSONValue?,
    behind: (inout LowRankChange.Blocks) throws -> Void
  ) throws {
    var change = LowRankChange(
      shape: shape, baseDigest: Digest(leaves: leaves.map(\.base)),
      resultDigest: Digest(leaves: leaves.map(\.result)), sample: sample)
    change.blocks.leaves = try append(leaves: leaves)
    try append(stored, to: &change)
    try behind(&change.blocks)
    append(TensorChange(tensor.name, change, measured: measured))
  }

  /// Adds the leaves of both sides.
  func append(leaves: [(base: Digest, result: Digest)]) throws -> Range<Int> {
    try append(leaves.flatMap { $0.base.bytes + $0.result.bytes }, planesOf: 1)
  }

  /// Adds factors and their scales.
  func append(_ stored: StoredFactors, to change: inout LowRankChange) throws {
    let planes = stored.type.byteCount
    change.blocks.scales = try append(StoredFactors.bytes(stored.scales, .f32), planesOf: 4)
    change.blocks.left = try append(StoredFactors.bytes(stored.left, stored.type), planesOf: planes)
    change.blocks.right = try append(StoredFactors.bytes(stored.right, stored.type), planesOf: planes)
  }
}

extension LowRankForm {
  /// The shape of an update of a tensor.
  ///
  /// - Throws: `notEditable`, `notAMatrix`, `factorShape`, `roundingNotDefined`.
  init(
    of factors: LowRankFactors, for tensor: TensorInfo, _ orientation: TensorChange.Orientation,
    _ options: LowRankOptions
  ) throws(PatchError) {
    try tensor.requireWeight()
    guard options.rounding.isDefined(for: tensor.elementType) else {
      throw tensor.elementType.isEditable
        ? .roundingNotDefined(tensor: tensor.name, elementType: tensor.elementType)
        : .notEditable(tensor: tensor.name, elementType: tensor.elementType)
    }
    self.init(
      tensor: TensorForm(tensor), orientation: orientation, rank: factors.left.columns,
      factorType: options.factorType, rounding: options.rounding)
    guard factors.left.rows == outputWidth, factors.right.columns == inputWidth,
      (1...min(rows, columns)).contains(rank)
    else {
      throw .factorShape(
        tensor: tensor.name, expected: [outputWidth, inputWidth],
        found: [factors.left.rows, factors.right.columns])
    }
  }
}

/// What a tile adds to the patch.
struct LowRankTile: Sendable {
  let baseLeaf: Digest
  let resultLeaf: Digest
  let choices: [UInt8]

  /// Walks all tiles of a tensor in order: edited elements, leaves, and what revert will need.
  static func forEach(
    _ transform: TileTransform, of tensor: TensorInfo, in file: OpenFile, threads: Int,
    observe: (@Sendable (EditedTile) -> Void)?, take: (LowRankTile) throws -> Void
  ) throws {
    try forEachTile(
      transform.form.tileCount, threads: threads, state: { (TileTransform.Scratch(), TileProof()) },
      { tile, state in
        let (scratch, proof) = state
        let range = Tiling.range(tile, of: transform.form.byteCount)
        let base = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<range.count])
        let edited = UnsafeMutableRawBufferPointer(rebasing: scratch.output[..<range.count])
        try file.read(into: base, at: tensor.byteRange.lowerBound + range.lowerBound)
        transform.apply(tile, base: base.baseAddress!, edited: edited.baseAddress!, scratch)
        try proof.check(transform.elements(of: tile), base, edited, of: tensor, observe: observe)
        let baseLeaf = Digest(of: UnsafeRawBufferPointer(base))
        let resultLeaf = Digest(of: UnsafeRawBufferPointer(edited))
        let guess = proof.guess
        guard
          let open = transform.estimateBase(
            tile, edited: edited.baseAddress!, base: guess.baseAddress!, scratch)
        else { throw PatchError.wrongResult(tensor: tensor.name, file: file.path, tile: tile) }
        let choices = transform.choices(open, base: base.baseAddress!)
        // Proof by doing: what the patch will carry gives back this tile, or there is no patch.
        guard transform.fill(open, choices: choices, base: guess.baseAddress!),
          memcmp(guess.baseAddress!, base.baseAddress!, range.count) == 0
        else { throw PatchError.wrongResult(tensor: tensor.name, file: file.path, tile: tile) }
        return LowRankTile(baseLeaf: baseLeaf, resultLeaf: resultLeaf, choices: choices)
      }, take: take)
  }
}

/// One thread's buffers for looking at a tile: its numbers as Float, and the tile as revert would give it.
final class TileProof {
  let guess = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
  private var base: [Float] = []
  private var edited: [Float] = []
  deinit { guess.deallocate() }

  /// Refuses an update that makes a finite number infinite or NaN, and shows the tile to the observer.
  func check(
    _ elements: Range<Int>, _ before: UnsafeMutableRawBufferPointer, _ after: UnsafeMutableRawBufferPointer,
    of tensor: TensorInfo, observe: (@Sendable (EditedTile) -> Void)?
  ) throws {
    tensor.elementType.convert(before.baseAddress!, count: elements.count, into: &base)
    tensor.elementType.convert(after.baseAddress!, count: elements.count, into: &edited)
    try base.withUnsafeBufferPointer { base in
      try edited.withUnsafeBufferPointer { edited in
        try tensor.requireFinite(edited, where: base, from: elements.lowerBound, count: elements.count)
        observe?(
          EditedTile(
            elements: elements, base: UnsafeBufferPointer(rebasing: base[..<elements.count]),
            edited: UnsafeBufferPointer(rebasing: edited[..<elements.count])))
      }
    }
  }
}
