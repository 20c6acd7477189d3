internal import ModelFiles

extension PatchRun {
  /// Writes a model whose files the patch describes: headers from the patch, tensors computed, stored or copied.
  func write(
    _ direction: Direction, layout: StoredLayout, to output: String, progress: @Sendable (Int) -> Void
  ) throws -> [String] {
    guard layout.isFolder else {
      guard layout.files.count == 1 else { throw PatchError.badManifest(file: patch.path, field: "layout") }
      try write(layout.files[0], direction, to: output, progress: progress)
      return []
    }
    return try writeFolder(to: output) { temporary in
      for file in layout.files {
        try write(file, direction, to: Folder.path(temporary, file.name), progress: progress)
      }
    }
  }

  private func write(
    _ file: (name: String, byteCount: Int, headerCount: Int, header: Range<Int>), _ direction: Direction,
    to path: String, progress: @Sendable (Int) -> Void
  ) throws {
    let output = try newFile(path)
    let target = output.file
    try target.reserve(file.byteCount)
    try target.write(try patch.content(file.header), at: 0)
    // A file that is all header holds no tensors: the index.
    if !file.name.hasSuffix(".json") {
      for tensor in try ModelFile.tensors(in: target) {
        try write(tensor, direction, to: target, progress: progress)
      }
    }
    try output.commit()
  }

  private func write(
    _ tensor: TensorInfo, _ direction: Direction, to target: OpenFile, progress: @Sendable (Int) -> Void
  ) throws {
    let place = tensor.byteRange.lowerBound
    if let item = items.firstIndex(where: { $0.change.name == tensor.name }) {
      try requireForm(items[item].change.form, of: tensor, in: target)
      let runner = try TileRunner(self, item: item, direction)
      try parallelFor(items[item].leaves.count, width: threads, state: { TileTransform.Scratch() }) {
        tile, scratch in
        let bytes = try runner.compute(tile, scratch)
        try target.write(bytes, at: place + tile * Tiling.byteCount)
        progress(bytes.count)
      }
      return
    }
    if let change = wholes.first(where: { $0.name == tensor.name }) {
      let isResult = direction == .apply
      try requireForm(isResult ? change.form : change.baseForm ?? change.form, of: tensor, in: target)
      var offset = place
      for block in change.blocks(isResult ? "result" : "base") {
        let bytes = try patch.content(block..<block + 1)
        try target.write(bytes, at: offset)
        offset += bytes.count
        progress(bytes.count)
      }
      let digest = try Digest(of: tensor, in: target, threads: threads)
      guard digest == (isResult ? change.resultDigest : change.baseDigest) else {
        throw PatchError.leafDigest(file: patch.path, tensor: change.name)
      }
      return
    }
    guard model.contains(tensor.name) else {
      throw PatchError.tensorMissing(tensor: tensor.name, model: model.path)
    }
    let source = try model.tensor(tensor.name)
    try requireForm(TensorForm(tensor), of: source, in: model.file(of: source))
    try target.copy(source.byteRange, of: model.file(of: source), to: place)
  }

  private func requireForm(_ form: TensorForm, of tensor: TensorInfo, in file: OpenFile) throws {
    guard TensorForm(tensor) == form else {
      throw PatchError.tensorMismatch(
        tensor: tensor.name, model: file.path, expected: form.description,
        found: TensorForm(tensor).description)
    }
  }
}
