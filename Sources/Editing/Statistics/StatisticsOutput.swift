internal import ModelFiles

/// The name that a collection writes to, again and again. Should another run begin to write there too, one of them must stop: each would
/// go on from what the other leaves.
struct StatisticsOutput {
  private let path: String
  /// The file that stood there when this run last looked. It is kept open, so that no other can be taken for it.
  private var known: OpenFile?

  init(_ path: String) {
    self.path = path
    known = try? OpenFile(path, .reading)
  }

  /// - Throws: `EditError.outputOfAnotherRun`.
  mutating func write(_ tensors: [NewTensor], notes: [(key: String, value: String)]) throws {
    if let found = try OpenFile.ifPresent(path, .reading), !(known.map(found.isSameFile) ?? false) {
      throw EditError.outputOfAnotherRun(file: path)
    }
    try SafetensorsWriter.write(tensors, metadata: notes, to: path)
    known = try? OpenFile(path, .reading)
  }
}
