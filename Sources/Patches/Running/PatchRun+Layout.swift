internal import Floor
internal import LinearAlgebra
internal import ModelFiles

extension PatchRun {
  /// Writes a model whose files the patch describes: headers from the patch, tensors computed, stored or copied.
  func write(
    _ direction: Direction, layout: StoredLayout, to output: String, progress: @Sendable (Int) -> Void
  ) throws -> [String] {
    guard layout.isFolder else {
      guard layout.files.count == 1 else { throw badLayout }
      let (file, names) = try write(layout.files[0], direction, to: output, progress: progress)
      try requireNames(direction, in: names)
      try file.commit()
      return []
    }
    return try writeFolder(to: output) { temporary in
      var names: [String] = []
      for file in layout.files {
        let path = Folder.path(temporary, file.name)
        let (output, found) = try write(file, direction, to: path, progress: progress)
        try output.commit()
        names += found
      }
      try requireNames(direction, in: names)
    }
  }

  /// Bytes that alignment may put between two tensors.
  private static let paddingLimit = 1 << 16

  private var badLayout: PatchError { .badManifest(file: patch.path, field: "layout") }

  /// Demands that the headers named every tensor of the side that the patch touches, and left out none of the model's:
  /// the result would silently lack it, and reverting could not bring it back.
  private func requireNames(_ direction: Direction, in names: [String]) throws {
    let touched = items.map(\.change.name) + wholes.filter { $0.side(direction) != nil }.map(\.name)
    let found = Set(names)
    guard found.isSuperset(of: touched) else { throw badLayout }
    let expected = found.union(wholes.map(\.name))
    for tensor in model.tensors where !expected.contains(tensor.name) {
      let file = model.file(of: tensor)
      throw PatchError.wrongBase(
        tensor: tensor.name, file: file.path, expected: Digest(leaves: []),
        found: try Digest(of: tensor, in: file, threads: threads), state: .other)
    }
  }

  /// Writes a file, still without its name, and returns the names of its tensors too.
  private func write(
    _ file: (name: String, byteCount: Int, headerCount: Int, header: Range<Int>), _ direction: Direction,
    to path: String, progress: @Sendable (Int) -> Void
  ) throws -> (AtomicFile, [String]) {
    let output = try newFile(path)
    let target = output.file
    // Room is taken before the header is read, so what the patch claims must be within what the model justifies.
    let tensorBytes = model.tensors.reduce(0) { $0 + $1.byteCount + Self.paddingLimit }
    let wholeBytes = wholes.reduce(0) {
      $0 + ($1.before?.form.byteCount ?? 0) + ($1.after?.form.byteCount ?? 0) + Self.paddingLimit
    }
    guard file.byteCount - file.headerCount <= tensorBytes + wholeBytes + Self.paddingLimit else {
      throw badLayout
    }
    try target.reserve(file.byteCount)
    try target.write(try patch.content(file.header), at: 0)
    // A file that is all header holds no tensors: the index.
    let tensors = file.name.hasSuffix(".json") ? [] : try self.tensors(in: target)
    for tensor in tensors { try write(tensor, direction, to: target, progress: progress) }
    return (output, tensors.map(\.name))
  }

  /// What the header that the patch brought says; a header that no model file could have is the patch's fault.
  private func tensors(in target: OpenFile) throws -> [TensorInfo] {
    do throws(ModelFileError) { return try ModelFile.tensors(in: target) } catch {
      if case .system = error.reason { throw error }
      throw badLayout
    }
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
      guard let side = change.side(direction) else { throw badLayout }
      try requireForm(side.form, of: tensor, in: target)
      try write(whole: change, direction, to: target, at: place, progress: progress)
      guard try Digest(of: tensor, in: target, threads: threads) == side.digest else {
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
