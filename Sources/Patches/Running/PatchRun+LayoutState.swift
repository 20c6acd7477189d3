internal import ModelFiles

extension PatchRun {
  /// The state of the whole model: that of its tensors where the patch changes any, else that of its headers and files.
  ///
  /// - Parameter states: what `examine` found.
  public func state(of states: [TensorState]) throws -> ModelState {
    var summary = summary(of: states)
    let decides = patch.changes.contains { !$0.isTiled || $0.baseDigest != $0.resultDigest }
    let files = Set(try examineBeside().map(\.state))
    if !files.isEmpty {
      // Files count as tensors do: half a model is neither the one nor the other.
      let all = decides ? files.union([summary]) : files
      summary = all.contains(.other) ? .other : all.count > 1 ? .partial : all.first ?? summary
      return summary
    }
    guard !decides, summary == .base, let layout = patch.layout else { return summary }
    let own = try ModelLayout(of: model)
    if try patch.holds(layout.base, like: own) { return .base }
    return try patch.holds(layout.result, like: own) ? .edited : .other
  }
}

extension PatchFile {
  /// Whether a stored layout is that of a model: the same files, to the last byte of their headers.
  fileprivate func holds(_ stored: StoredLayout, like layout: ModelLayout) throws -> Bool {
    guard stored.isFolder == layout.isFolder, stored.files.count == layout.files.count else { return false }
    let byName = Dictionary(layout.files.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for file in stored.files {
      // A single file may have any name.
      let other = stored.isFolder ? byName[file.name] : layout.files.first
      guard let other, other.byteCount == file.byteCount, other.header.count == file.headerCount,
        try other.header == content(file.header)
      else { return false }
    }
    return true
  }
}
