internal import Floor
internal import ModelFiles

extension PatchRun {
  /// Writes the runs that both sides have, and what the longer side has behind each; or leaves that away, once it was compared with what is
  /// stored: nothing is written that could not be reverted.
  func write(
    _ change: ExtendedChange, _ name: String, _ direction: Direction, to target: OpenFile, at place: Int,
    progress: @Sendable (Int) -> Void
  ) throws {
    let tensor = try model.tensor(name)
    let file = model.file(of: tensor)
    let getsLonger = change.isLonger == (direction == .apply)
    var ends = StoredRun(patch, change.ends)
    for piece in RunPieces(
      runs: change.runs, common: change.commonByteCount, end: change.endByteCount)
    {
      let (source, start) =
        getsLonger ? (piece.commonCount, piece.inShorter) : (piece.longCount, piece.inLonger)
      let own = try file.read(source, at: tensor.byteRange.lowerBound + start)
      var output: [UInt8] = []
      output.reserveCapacity(getsLonger ? piece.longCount : piece.commonCount)
      for part in piece.parts {
        let place = getsLonger ? part.short : part.long
        output += own[place..<place + part.commonCount]
        let end = try ends.next(part.endCount)
        if getsLonger {
          output += end
        } else if !own[place + part.commonCount..<place + part.commonCount + part.endCount].elementsEqual(end)
        {
          throw PatchError.leafDigest(file: patch.path, tensor: name)
        }
      }
      try target.write(output, at: place + (getsLonger ? piece.inLonger : piece.inShorter))
      progress(output.count)
    }
  }
}

/// The bytes of a range of blocks, one after another.
private struct StoredRun {
  private let patch: PatchFile
  private var blocks: Range<Int>
  private var bytes: ArraySlice<UInt8> = []

  init(_ patch: PatchFile, _ blocks: Range<Int>) { (self.patch, self.blocks) = (patch, blocks) }

  /// The next bytes. The range holds as many as its tensor's forms ask for, so there are enough.
  mutating func next(_ count: Int) throws -> [UInt8] {
    var found: [UInt8] = []
    found.reserveCapacity(count)
    while found.count < count {
      if bytes.isEmpty {
        guard let block = blocks.first else { preconditionFailure("a range holds what its forms ask for") }
        bytes = try patch.content(block..<block + 1)[...]
        blocks = blocks.dropFirst()
      }
      let part = bytes.prefix(count - found.count)
      found += part
      bytes = bytes.dropFirst(part.count)
    }
    return found
  }
}
