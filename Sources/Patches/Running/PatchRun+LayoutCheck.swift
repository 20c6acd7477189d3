internal import Floor
internal import ModelFiles

extension PatchRun {
  /// Bytes that alignment may put between two tensors.
  private static let paddingLimit = 1 << 16

  private var badLayout: PatchError { .badManifest(file: patch.path, field: "layout") }

  /// Demands of both sides what is demanded of the one that is written: a patch that can be applied can be taken back.
  ///
  /// Headers are read, the tensors in them compared with patch and model, and data that is stored whole with its digest.
  func checkBothSides() throws {
    for change in wholes { try checkStored(change) }
    guard let layout = patch.layout else { return }
    for (side, direction) in [(layout.result, Direction.apply), (layout.base, .revert)] {
      var names: [String] = []
      for file in side.files { names += try tensors(of: file, direction).map(\.name) }
      try requireNames(direction, in: names)
    }
  }

  /// The tensors that the header of a side's file names, with their forms checked.
  private func tensors(
    of file: StoredLayout.File, _ direction: Direction
  ) throws -> [TensorInfo] {
    guard file.byteCount - file.headerCount <= tensorByteLimit else { throw badLayout }
    // A file that is all header holds no tensors: the index.
    guard !file.name.hasSuffix(".json") else { return [] }
    let header = try OpenFile(
      holding: patch.content(file.header), byteCount: file.byteCount, as: patch.path)
    let tensors = try tensors(in: header)
    for tensor in tensors { try requireForm(of: tensor, direction) }
    return tensors
  }

  /// What a header says; one that no model file could have is the patch's fault.
  func tensors(in file: OpenFile) throws -> [TensorInfo] {
    do throws(ModelFileError) { return try ModelFile.tensors(in: file) } catch {
      if case .system = error.reason { throw error }
      throw badLayout
    }
  }

  /// Bytes of data that patch and model justify for a file: the same for both sides, whichever the model is.
  private var tensorByteLimit: Int {
    let touched = Set(patch.changes.map(\.name))
    let untouched = model.tensors.filter { !touched.contains($0.name) }.map(\.byteCount)
    let sides = patch.changes.flatMap { [$0.before, $0.after] }.map { $0?.form.byteCount ?? 0 }
    return (untouched + sides).reduce(Self.paddingLimit) { $0 + $1 + Self.paddingLimit }
  }

  /// Demands that a tensor of a header has the form that it has on that side.
  private func requireForm(of tensor: TensorInfo, _ direction: Direction) throws {
    if let place = patch.changePlaces[tensor.name] {
      guard let side = patch.changes[place].side(direction) else { throw badLayout }
      return try require(side.form, of: tensor)
    }
    guard model.contains(tensor.name) else {
      throw PatchError.tensorMissing(tensor: tensor.name, model: model.path)
    }
    try require(TensorForm(model.tensor(tensor.name)), of: tensor)
  }

  private func require(_ form: TensorForm, of tensor: TensorInfo) throws {
    guard TensorForm(tensor) == form else {
      throw PatchError.tensorMismatch(
        tensor: tensor.name, model: patch.path, expected: form.description,
        found: TensorForm(tensor).description)
    }
  }

  /// Demands that the headers name every tensor of the side that the patch touches, once, and leave out none of the model's:
  /// the result would silently lack it, and reverting could not bring it back.
  private func requireNames(_ direction: Direction, in names: [String]) throws {
    let found = Set(names)
    let touched = patch.changes.filter { $0.side(direction) != nil }.map(\.name)
    guard found.count == names.count, found.isSuperset(of: touched) else { throw badLayout }
    let expected = found.union(patch.changes.map(\.name))
    if let tensor = model.tensors.first(where: { !expected.contains($0.name) }) {
      let file = model.file(of: tensor)
      throw PatchError.wrongBase(
        tensor: tensor.name, file: file.path, expected: Digest(leaves: []),
        found: try Digest(of: tensor, in: file, threads: threads), state: .other)
    }
  }
}
