internal import Floor
internal import Glibc
internal import Kernels
public import LinearAlgebra
public import ModelFiles
internal import Synchronization

extension PatchWriter {
  /// Tiles coded together, then written in order: memory stays bounded whatever the tensor's size.
  private static let windowTiles = 64

  /// Adds a tensor of one form in both models as the difference of its elements.
  func appendDifference(
    _ pair: TensorPair, threads: Int, measured: (ChangeMeasure) -> JSONValue = { $0.json },
    progress: @Sendable (Int) -> Void
  ) throws {
    let type = pair.before.elementType
    let kind = type.order
    let width = Int(kind.width)
    let plan = try contextPlan(pair, kind)
    var leaves: [(base: Digest, result: Digest)] = []
    var total = ChangeMeasure()
    let pool = ScratchPool()
    let firstBlock = blockCount
    for start in stride(from: 0, to: pair.tileCount, by: PatchWriter.windowTiles) {
      let window = start..<min(start + PatchWriter.windowTiles, pair.tileCount)
      let coded = Mutex([CodedTile?](repeating: nil, count: window.count))
      try parallelFor(window.count, width: threads, state: { ScratchPool.Loan(pool) }) { index, loan in
        let scratch = loan.scratch
        let tile = window.lowerBound + index
        let range = Tiling.range(tile, of: pair.before.byteCount)
        let before = scratch.before.bytes(range.count)
        let after = scratch.after.bytes(range.count)
        try pair.read(tile, before: before, after: after)
        let baseLeaf = Digest(of: UnsafeRawBufferPointer(before))
        let resultLeaf = Digest(of: UnsafeRawBufferPointer(after))
        var block: [UInt8] = []
        let measure = scratch.measure(type, before, after)
        if baseLeaf != resultLeaf {
          block = DifferenceBlock.encode(
            kind, plan, base: before.baseAddress!, edited: after.baseAddress!, count: range.count / width,
            first: range.lowerBound / width, scratch.coder)
        }
        let newBlock = NewBlock(coding: .differences, decodedCount: 0, stored: block)
        coded.withLock {
          $0[index] = CodedTile(base: baseLeaf, result: resultLeaf, block: newBlock, measure: measure)
        }
        progress(range.count)
      }
      for tile in coded.withLock({ $0.compactMap { $0 } }) {
        try append(tile.block)
        leaves.append((tile.base, tile.result))
        total.add(tile.measure)
      }
    }
    let differences = firstBlock..<blockCount
    let stored = try append(leaves.flatMap { $0.base.bytes + $0.result.bytes }, planesOf: 1)
    var change = TensorChange(
      name: pair.before.name, elementType: type, shape: pair.before.shape,
      baseDigest: Digest(leaves: leaves.map(\.base)), resultDigest: Digest(leaves: leaves.map(\.result)),
      orientation: .outputMajor, rank: 0, factorType: .f16, rounding: .nearest)
    change.kind = .difference
    change.blocks = TensorChange.Blocks(ranges: [differences, stored])
    change.measured = measured(total)
    append(change)
  }

  private struct CodedTile: Sendable {
    let base: Digest
    let result: Digest
    let block: NewBlock
    let measure: ChangeMeasure
  }

  /// Contexts from the first tile that differs, which speaks for the tensor.
  private func contextPlan(_ pair: TensorPair, _ kind: errata_elements) throws -> ContextPlan {
    let scratch = PairScratch()
    // The middle tells more than the start, which in embeddings is full of special tokens.
    let order = Array(pair.tileCount / 2..<pair.tileCount) + Array(0..<pair.tileCount / 2)
    for tile in order {
      let count = Tiling.range(tile, of: pair.before.byteCount).count
      let before = scratch.before.bytes(count)
      let after = scratch.after.bytes(count)
      try pair.read(tile, before: before, after: after)
      if memcmp(before.baseAddress!, after.baseAddress!, count) != 0 {
        return ContextPlan(
          kind, base: before.baseAddress!, edited: after.baseAddress!, count: count / Int(kind.width),
          first: tile * Tiling.byteCount / Int(kind.width), scratch.coder)
      }
    }
    return ContextPlan(kind, bounds: [])
  }

  /// Adds a tensor that comes, goes or is replaced: what it was and what it is, whole.
  func appendWhole(_ name: String, from base: ModelFile, to edited: ModelFile, threads: Int) throws {
    let before = base.contains(name) ? try base.tensor(name) : nil
    let after = edited.contains(name) ? try edited.tensor(name) : nil
    guard let form = after ?? before else {
      preconditionFailure("a tensor of either model is named")
    }
    func content(_ tensor: TensorInfo, _ model: ModelFile) throws -> (Range<Int>, Digest) {
      let file = model.file(of: tensor)
      let first = blockCount
      let size = tensor.elementType.bitCount / 8
      for tile in 0..<Tiling.count(tensor.byteCount) {
        let range = Tiling.range(tile, of: tensor.byteCount)
        let bytes = try file.read(range.count, at: tensor.byteRange.lowerBound + range.lowerBound)
        _ = try append(bytes, planesOf: [2, 4].contains(size) ? size : 1)
      }
      return (first..<blockCount, try Digest(of: tensor, in: file, threads: threads))
    }
    var change = TensorChange(
      name: name, elementType: form.elementType, shape: form.shape, baseDigest: Digest(leaves: []),
      resultDigest: Digest(leaves: []), orientation: .outputMajor, rank: 0, factorType: .f16,
      rounding: .nearest)
    var ranges: [Range<Int>] = []
    if let before {
      let (range, digest) = try content(before, base)
      ranges.append(range)
      change.baseDigest = digest
    }
    if let after {
      let (range, digest) = try content(after, edited)
      ranges.append(range)
      change.resultDigest = digest
    }
    change.kind = before == nil ? .added : after == nil ? .removed : .replaced
    if change.kind == .replaced, let before { change.baseForm = TensorForm(before) }
    change.blocks = TensorChange.Blocks(ranges: ranges)
    append(change)
  }
}

extension ModelComparison {
  /// Writes the patch that leads from the base to the edited model, and back.
  ///
  /// - Parameters:
  ///   - effort: passes that refine the factors of a low-rank change; each makes the patch smaller and takes longer.
  ///   - edit: what the change is about, if known.
  ///   - known: updates that are known beforehand, [rows × rank] and [rank × columns] of the storage; others are searched for.
  ///   - progress: called with bytes of changed tensors done, from several threads.
  @discardableResult
  public func write(
    to path: String, tool: String, threads: Int, effort: Int = 0, edit: JSONValue? = nil,
    known: [String: LowRankFactors] = [:], progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> PatchFile {
    if changesLayout { for model in [base, edited] { try ModelLayout.requireListed(model) } }
    let writer = try PatchWriter(path)
    let tiled = Set(changed)
    for name in names {
      if tiled.contains(name) {
        let pair = try TensorPair(name, self)
        if known[name] == nil, let gain = try ScaleSearch(pair: pair).gain(),
          try writer.appendScaled(pair, gain: gain, threads: threads, progress: progress) != nil
        {
          continue
        }
        let factors =
          try known[name].map { [$0] }
          ?? LowRankSearch(pair: pair, effort: effort, threads: threads).factors()
        if !factors.isEmpty,
          try writer.appendLowRank(pair, factors, threads: threads, progress: progress) != nil
        {
          continue
        }
        try writer.appendDifference(pair, threads: threads, progress: progress)
      } else {
        try writer.appendWhole(name, from: base, to: edited, threads: threads)
        progress(byteCount(of: name))
      }
    }
    var layout: (base: ModelLayout, result: ModelLayout)?
    if changesLayout { layout = (try ModelLayout(of: base), try ModelLayout(of: edited)) }
    return try writer.finish(tool: tool, family: base.modelType, edit: edit, layout: layout)
  }

  /// Whether applying gives the edited files to the last byte; else their tensors, with zeros between.
  public var isReproducible: Bool {
    get throws { try ModelLayout.isComplete(edited) }
  }

  /// Bytes of the tensors that differ: as they are after, or were before they went.
  public var changedByteCount: Int {
    names.reduce(0) { $0 + byteCount(of: $1) }
  }

  private func byteCount(of name: String) -> Int {
    ((try? edited.tensor(name)) ?? (try? base.tensor(name)))?.byteCount ?? 0
  }
}
