internal import Floor
internal import LinearAlgebra
internal import ModelFiles

extension PatchRun {
  /// Writes a model whose files the patch describes: headers from the patch, tensors computed, stored or copied.
  func write(
    _ direction: Direction, layout: StoredLayout, to output: String, progress: @Sendable (Int) -> Void
  ) throws -> [String] {
    guard layout.isFolder else {
      let file = try newFile(output)
      try write(layout.files[0], direction, to: file, progress: progress)
      try file.commit()
      return []
    }
    return try writeFolder(to: output) { folder in
      try writeBeside(direction, to: folder)
      for file in layout.files {
        let output = try folder.file(file.name, permissionsOf: model.shards[0])
        try write(file, direction, to: output, progress: progress)
        try output.publish()
      }
    }
  }

  /// Writes a file, still without its name. What its header says was checked, for both sides, by `checkBothSides`.
  private func write(
    _ file: StoredLayout.File, _ direction: Direction, to output: AtomicFile,
    progress: @Sendable (Int) -> Void
  ) throws {
    let target = output.file
    try target.reserve(file.byteCount)
    try target.write(try patch.content(file.header), at: 0)
    // A file that is all header holds no tensors: the index.
    let tensors = file.name.hasSuffix(".json") ? [] : try self.tensors(in: target)
    for tensor in tensors { try write(tensor, direction, to: target, progress: progress) }
  }

  private func write(
    _ tensor: TensorInfo, _ direction: Direction, to target: OpenFile, progress: @Sendable (Int) -> Void
  ) throws {
    let place = tensor.byteRange.lowerBound
    if let item = itemPlaces[tensor.name] {
      let runner = try TileRunner(self, item: item, direction, provesReturn: direction == .apply)
      try parallelFor(items[item].leaves.count, width: threads, state: { TileTransform.Scratch() }) {
        tile, scratch in
        let bytes = try runner.compute(tile, scratch)
        try target.write(bytes, at: place + tile * Tiling.byteCount)
        progress(bytes.count)
      }
      return
    }
    if let change = patch.changePlaces[tensor.name].map({ patch.changes[$0] }) {
      try write(whole: change, direction, to: target, at: place, progress: progress)
      guard try Digest(of: tensor, in: target, threads: threads) == change.side(direction)?.digest else {
        throw PatchError.leafDigest(file: patch.path, tensor: change.name)
      }
      return
    }
    let source = try model.tensor(tensor.name)
    try target.copy(source.byteRange, of: model.file(of: source), to: place)
  }
}
