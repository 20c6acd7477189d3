internal import LinearAlgebra
internal import Glibc
public import ModelFiles
internal import Synchronization

/// Which tensors of two models differ: by name, then by form, then by bytes.
public struct ModelComparison: Sendable {
  /// The model before.
  public let base: ModelFile
  /// The model after.
  public let edited: ModelFile
  /// Tensors of one form in both whose bytes differ, by name.
  public let changed: [String]
  /// Tensors that got or lost rows at their end.
  public let resized: [String]
  /// Tensors whose runs got longer or shorter at their ends, and are the same else.
  public let extended: [String]
  /// Tensors under one name with another type or shape otherwise.
  public let replaced: [String]
  /// Tensors that only the edited model has.
  public let added: [String]
  /// Tensors that only the base has.
  public let removed: [String]
  /// Whether headers, file names or the order of tensors differ.
  public let changesLayout: Bool
  /// Files beside the weights that differ, by name: configuration, tokenizer. Those that are left out of a patch say why.
  public let beside: [Beside]
  /// All tensors that differ, by name, as a patch orders them.
  public let names: [String]

  /// Whether nothing differs: tensors, headers, files beside the weights but those left out on request.
  public var isEmpty: Bool {
    names.isEmpty && !changesLayout && beside.allSatisfy { $0.leftOut == .onRequest }
  }

  /// Reads both models once, as far as needed to tell.
  ///
  /// - Parameter weightsOnly: whether the files beside the weights are left out.
  /// - Parameter progress: called with bytes compared, from several threads.
  public init(
    _ base: ModelFile, _ edited: ModelFile, threads: Int, weightsOnly: Bool = false,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws {
    self.base = base
    self.edited = edited
    let baseLayout = try ModelLayout(of: base)
    let editedLayout = try ModelLayout(of: edited)
    // A single file may have any name; in a folder, names are part of the model.
    changesLayout =
      baseLayout.files.map(\.header) != editedLayout.files.map(\.header)
      || baseLayout.files.map(\.byteCount) != editedLayout.files.map(\.byteCount)
      || baseLayout.isFolder && editedLayout.isFolder
        && baseLayout.files.map(\.name) != editedLayout.files.map(\.name)
    var pairs: [(before: TensorInfo, after: TensorInfo)] = []
    var (resized, extended, replaced): ([String], [String], [String]) = ([], [], [])
    for tensor in base.tensors where edited.contains(tensor.name) {
      let after = try edited.tensor(tensor.name)
      if TensorForm(tensor) == TensorForm(after) {
        // Headers name whole tensors, so a patch that carries some does, too.
        let parts = (0..<(changesLayout ? 0 : tensor.partCount)).map { "\(tensor.name)[\($0)]" }
        let isApart = !parts.isEmpty && !parts.contains { base.contains($0) || edited.contains($0) }
        for name in isApart ? parts : [tensor.name] {
          pairs.append((try base.tensor(name), try edited.tensor(name)))
        }
      } else if try ExtendedPair.find(tensor, in: base, after, in: edited) != nil {
        extended.append(tensor.name)
      } else if ResizedChange.rowByteCount(TensorForm(tensor), TensorForm(after)) != nil {
        resized.append(tensor.name)
      } else {
        replaced.append(tensor.name)
      }
    }
    added = edited.tensors.map(\.name).filter { !base.contains($0) }
    removed = base.tensors.map(\.name).filter { !edited.contains($0) }
    (self.resized, self.extended, self.replaced) = (resized, extended, replaced)
    let different = try ModelComparison.different(pairs, base, edited, threads: threads, progress: progress)
    changed = zip(pairs, different).filter(\.1).map(\.0.before.name)
    names = (changed + resized + extended + replaced + added + removed).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    beside = try ModelComparison.beside(base, edited, weightsOnly: weightsOnly)
  }

  /// Compares tile by tile; a tensor that was seen to differ is not read further.
  private static func different(
    _ pairs: [(before: TensorInfo, after: TensorInfo)], _ base: ModelFile, _ edited: ModelFile, threads: Int,
    progress: @Sendable (Int) -> Void
  ) throws -> [Bool] {
    let tiles = pairs.indices.flatMap { pair in
      (0..<Tiling.count(pairs[pair].before.byteCount)).map { (pair: pair, tile: $0) }
    }
    let found = Mutex([Bool](repeating: false, count: pairs.count))
    try parallelFor(tiles.count, width: threads, state: { (TileBuffer(), TileBuffer()) }) { index, buffers in
      let (pair, tile) = tiles[index]
      let range = Tiling.range(tile, of: pairs[pair].before.byteCount)
      progress(range.count)
      if found.withLock({ $0[pair] }) { return }
      let before = buffers.0.bytes(range.count)
      let after = buffers.1.bytes(range.count)
      let (old, new) = pairs[pair]
      try base.file(of: old).read(into: before, at: old.byteRange.lowerBound + range.lowerBound)
      try edited.file(of: new).read(into: after, at: new.byteRange.lowerBound + range.lowerBound)
      if memcmp(before.baseAddress!, after.baseAddress!, range.count) != 0 {
        found.withLock { $0[pair] = true }
      }
    }
    return found.withLock { $0 }
  }
}
