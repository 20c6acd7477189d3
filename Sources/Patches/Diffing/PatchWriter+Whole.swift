internal import Floor
internal import ModelFiles

extension PatchWriter {
  /// Adds a tensor that comes, goes or is replaced: what it was and what it is, whole.
  func appendWhole(
    _ name: String, from base: ModelFile, to edited: ModelFile, threads: Int, measured: JSONValue? = nil
  ) throws {
    let before = base.contains(name) ? try side(of: base.tensor(name), in: base, threads: threads) : nil
    let after = edited.contains(name) ? try side(of: edited.tensor(name), in: edited, threads: threads) : nil
    switch (before, after) {
    case (let (base, baseData)?, let (result, resultData)?):
      append(
        TensorChange(
          name,
          ReplacedChange(base: base, result: result, blocks: .init(base: baseData, result: resultData)),
          measured: measured))
    case (nil, let (result, data)?): append(TensorChange(name, AddedChange(result: result, data: data)))
    case (let (base, data)?, nil): append(TensorChange(name, RemovedChange(base: base, data: data)))
    case (nil, nil): preconditionFailure("a tensor of either model is named")
    }
  }

  /// Adds the data of one side.
  private func side(
    of tensor: TensorInfo, in model: ModelFile, threads: Int
  ) throws -> (TensorSide, Range<Int>) {
    let file = model.file(of: tensor)
    let data = try append(tensor.byteRange, of: file, tensor.elementType)
    let digest = try Digest(of: tensor, in: file, threads: threads)
    return (TensorSide(form: TensorForm(tensor), digest: digest), data)
  }

  /// Adds bytes of a file that are elements of a type.
  func append(_ bytes: Range<Int>, of file: OpenFile, _ type: ElementType) throws -> Range<Int> {
    let first = blockCount
    let size = type.bitCount / 8
    for tile in 0..<Tiling.count(bytes.count) {
      let range = Tiling.range(tile, of: bytes.count)
      let piece = try file.read(range.count, at: bytes.lowerBound + range.lowerBound)
      _ = try append(piece, planesOf: [2, 4].contains(size) ? size : 1)
    }
    return first..<blockCount
  }
}
