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
  /// - Throws: `notEditable`, `notAMatrix`, `factorShape`, `updateNotFinite`, `roundingNotDefined`.
  public func append(
    _ factors: LowRankFactors, to tensor: TensorInfo, of model: ModelFile,
    orientation: TensorChange.Orientation,
    options: LowRankOptions, observe: (@Sendable (EditedTile) -> Void)? = nil,
    measured: () -> JSONValue? = { nil }
  ) throws {
    let name = tensor.name
    guard tensor.elementType.isEditable else {
      throw PatchError.notEditable(tensor: name, elementType: tensor.elementType)
    }
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw PatchError.notAMatrix(tensor: name, shape: tensor.shape)
    }
    if case .stochastic = options.rounding, tensor.elementType != .f16, tensor.elementType != .bf16 {
      throw PatchError.roundingNotDefined(tensor: name, elementType: tensor.elementType)
    }
    guard let stored = StoredFactors(factors, type: options.factorType) else {
      throw PatchError.updateNotFinite(tensor: name, index: 0)
    }
    let none = Digest(of: [])
    var change = TensorChange(
      name: name, elementType: tensor.elementType, shape: tensor.shape, baseDigest: none, resultDigest: none,
      orientation: orientation, rank: stored.rank, factorType: options.factorType, rounding: options.rounding)
    guard factors.left.rows == change.outputWidth, factors.right.columns == change.inputWidth,
      (1...min(change.rows, change.columns)).contains(stored.rank)
    else {
      throw PatchError.factorShape(
        tensor: name, expected: [change.outputWidth, change.inputWidth],
        found: [factors.left.rows, factors.right.columns])
    }

    let tiles = try LowRankTile.all(
      TileTransform(stored, change: change), of: tensor, in: model.file(of: tensor), threads: options.threads,
      observe: observe)
    change.baseDigest = Digest(leaves: tiles.map(\.baseLeaf))
    change.resultDigest = Digest(leaves: tiles.map(\.resultLeaf))
    change.sample = try WeightSample(of: tensor, in: model.file(of: tensor), change)
    change.measured = measured()
    let leaves = try append(tiles.flatMap { $0.baseLeaf.bytes + $0.resultLeaf.bytes }, planesOf: 1)
    let scales = try append(StoredFactors.bytes(stored.scales, .f32), planesOf: 4)
    let planes = options.factorType.byteCount
    let left = try append(StoredFactors.bytes(stored.left, options.factorType), planesOf: planes)
    let right = try append(StoredFactors.bytes(stored.right, options.factorType), planesOf: planes)
    let firstChoice = blockCount
    for tile in tiles { try append(NewBlock(coding: .choices, decodedCount: 0, stored: tile.choices)) }
    change.blocks = TensorChange.Blocks(ranges: [
      leaves, scales, left, right, firstChoice..<firstChoice, firstChoice..<blockCount,
    ])
    append(change)
  }
}

/// What a tile adds to the patch.
struct LowRankTile: Sendable {
  let baseLeaf: Digest
  let resultLeaf: Digest
  let choices: [UInt8]

  /// Walks all tiles of a tensor: edited elements, leaves, and what revert will need.
  static func all(
    _ transform: TileTransform, of tensor: TensorInfo, in file: OpenFile, threads: Int,
    observe: (@Sendable (EditedTile) -> Void)?
  ) throws -> [LowRankTile] {
    let change = transform.change
    let results = Mutex([LowRankTile?](repeating: nil, count: change.tileCount))
    try parallelFor(change.tileCount, width: threads, state: { (TileTransform.Scratch(), TileProof()) }) {
      tile, state in
      let (scratch, proof) = state
      let range = Tiling.range(tile, of: change.byteCount)
      let base = UnsafeMutableRawBufferPointer(rebasing: scratch.input[..<range.count])
      let edited = UnsafeMutableRawBufferPointer(rebasing: scratch.output[..<range.count])
      try file.read(into: base, at: tensor.byteRange.lowerBound + range.lowerBound)
      transform.apply(tile, base: base.baseAddress!, edited: edited.baseAddress!, scratch)
      try proof.check(transform.elements(of: tile), base, edited, change: change, observe: observe)
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
      results.withLock {
        $0[tile] = LowRankTile(baseLeaf: baseLeaf, resultLeaf: resultLeaf, choices: choices)
      }
    }
    return results.withLock { $0.compactMap { $0 } }
  }
}

/// One thread's buffers for looking at a tile: its numbers as Float, and the tile as revert would give it.
final class TileProof {
  let guess = UnsafeMutableRawBufferPointer.allocate(byteCount: Tiling.byteCount, alignment: 64)
  private var base: [Float] = []
  private var edited: [Float] = []
  deinit { guess.deallocate() }

  /// Refuses an update that makes NaN of a number, and shows the tile to the observer.
  func check(
    _ elements: Range<Int>, _ before: UnsafeMutableRawBufferPointer, _ after: UnsafeMutableRawBufferPointer,
    change: TensorChange, observe: (@Sendable (EditedTile) -> Void)?
  ) throws {
    change.elementType.convert(before.baseAddress!, count: elements.count, into: &base)
    change.elementType.convert(after.baseAddress!, count: elements.count, into: &edited)
    try base.withUnsafeBufferPointer { base in
      try edited.withUnsafeBufferPointer { edited in
        for index in 0..<elements.count where edited[index].isNaN && !base[index].isNaN {
          throw PatchError.updateNotFinite(tensor: change.name, index: elements.lowerBound + index)
        }
        observe?(
          EditedTile(
            elements: elements, base: UnsafeBufferPointer(rebasing: base[..<elements.count]),
            edited: UnsafeBufferPointer(rebasing: edited[..<elements.count])))
      }
    }
  }
}
