internal import LinearAlgebra
internal import ModelFiles

extension PatchRun {
  /// Writes the other side of the model to a new place; the model itself is only read.
  ///
  /// Everything is checked first. A single file becomes a file; a folder becomes a folder, with the small files beside the weights.
  /// - Returns: names of files in the model's folder that were not copied because they may hold unedited weights.
  @discardableResult
  public func write(
    _ direction: Direction, to output: String, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> [String] {
    try check(direction, progress: progress)
    if let layout = patch.layout {
      return try write(
        direction, layout: direction == .apply ? layout.result : layout.base, to: output, progress: progress)
    }
    guard model.isFolder else {
      let file = try newFile(output)
      try writeShard(0, direction, to: file, progress: progress)
      try file.commit()
      return []
    }
    return try writeFolder(to: output) { folder in
      try writeBeside(direction, to: folder)
      for shard in model.shards.indices {
        let file = try folder.file(
          Folder.name(of: model.shards[shard].path), permissionsOf: model.shards[shard])
        try writeShard(shard, direction, to: file, progress: progress)
        try file.publish()
      }
    }
  }

  /// Fills a folder that appears under its name whole or not at all; the small files beside the weights come along.
  func writeFolder(to output: String, _ body: (_ folder: NewFolder) throws -> Void) throws -> [String] {
    guard !Folder.occupied(output) else { throw PatchError.outputExists(path: output) }
    let folder = try NewFolder(output, permissionsOf: model.isFolder ? model.folder : nil)
    let skipped = model.isFolder ? try copyCompanions(to: folder) : []
    try body(folder)
    try folder.commit()
    return skipped
  }

  /// Copies one file of the model with its touched tensors changed; the kernel moves all other bytes.
  private func writeShard(
    _ shard: Int, _ direction: Direction, to output: AtomicFile, progress: @Sendable (Int) -> Void
  ) throws {
    let source = model.shards[shard]
    let target = output.file
    // What was checked is the file as it was opened; what somebody puts behind it meanwhile is no part of a model.
    let size = source.openedSize
    try target.reserve(size)
    var copied = 0
    for item in items.indices.filter({ items[$0].tensor.shard == shard }).sorted(by: {
      items[$0].tensor.byteRange.lowerBound < items[$1].tensor.byteRange.lowerBound
    }) {
      let range = items[item].tensor.byteRange
      try target.copy(copied..<range.lowerBound, of: source, to: copied)
      let runner = try TileRunner(self, item: item, direction, provesReturn: direction == .apply)
      try parallelFor(items[item].leaves.count, width: threads, state: { TileTransform.Scratch() }) {
        tile, scratch in
        let bytes = try runner.compute(tile, scratch)
        try target.write(bytes, at: place(item, tile).lowerBound)
        progress(bytes.count)
      }
      copied = range.upperBound
    }
    try target.copy(copied..<size, of: source, to: copied)
    let found = try source.size()
    guard found == size else {
      throw PatchError.lengthChanged(file: source.path, expected: size, found: found)
    }
  }

  /// A new file under a name that is neither a folder's nor an input's.
  func newFile(_ path: String) throws -> AtomicFile {
    guard !Folder.exists(path) else { throw PatchError.outputExists(path: path) }
    if Folder.fileExists(path), let present = try OpenFile.ifPresent(path, .reading) {
      guard !(model.shards + [patch.file]).contains(where: present.isSameFile) else {
        throw PatchError.outputIsInput(path: path)
      }
    }
    return try AtomicFile(path, permissionsOf: model.shards[0])
  }

  /// Ends of names that usually hold weights: copied, they would carry the other side of the change along.
  static let weightSuffixes = [
    ".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt", ".npz",
  ]

  private func copyCompanions(to folder: NewFolder) throws -> [String] {
    let indexName = model.indexPath.map { [Folder.name(of: $0)] } ?? []
    let replaced = patch.changesLayout ? indexName : []
    let shardNames = Set(model.shards.map { Folder.name(of: $0.path) } + replaced)
    var skipped: [String] = []
    for name in try Folder.names(in: model.folder)
    where !shardNames.contains(name) && !name.hasSuffix(Journal.suffix)
      && !Folder.isTemporary(name)
    {
      let path = Folder.path(model.folder, name)
      guard Folder.fileExists(path), !PatchRun.weightSuffixes.contains(where: name.hasSuffix) else {
        skipped.append(name)
        continue
      }
      let source = try OpenFile(path, .reading)
      let copy = try folder.file(name, permissionsOf: source)
      try copy.file.copy(0..<source.size(), of: source, to: 0)
      try copy.publish()
    }
    return skipped
  }
}
