internal import Floor
internal import ModelFiles

extension PatchWriter {
  /// Adds a tensor whose runs got longer or shorter at their ends.
  func appendExtended(
    _ before: TensorInfo, in base: ModelFile, _ after: TensorInfo, in edited: ModelFile, threads: Int
  ) throws {
    guard let pair = try ExtendedPair.find(before, in: base, after, in: edited) else {
      preconditionFailure("a pair that was found to be one")
    }
    func side(_ tensor: TensorInfo, _ file: OpenFile) throws -> TensorSide {
      TensorSide(form: TensorForm(tensor), digest: try Digest(of: tensor, in: file, threads: threads))
    }
    var change = ExtendedChange(
      base: try side(before, pair.base), result: try side(after, pair.edited), runs: pair.runs)
    let size = before.elementType.bitCount / 8
    let planes = [2, 4].contains(size) ? size : 1
    let first = blockCount
    // Blocks are full but for the last.
    var waiting: [UInt8] = []
    try pair.forEachEnd { bytes in
      waiting += bytes
      let whole = waiting.count / Tiling.byteCount * Tiling.byteCount
      if whole > 0 {
        _ = try append(Array(waiting[..<whole]), planesOf: planes)
        waiting.removeFirst(whole)
      }
    }
    _ = try append(waiting, planesOf: planes)
    change.ends = first..<blockCount
    append(TensorChange(before.name, change))
  }
}
