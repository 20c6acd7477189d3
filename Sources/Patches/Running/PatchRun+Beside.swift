internal import Floor
internal import ModelFiles

/// What a file beside the weights is, seen from the patch.
public struct BesideState: Sendable {
  /// Its name in the model's folder.
  public let name: String
  /// What it is.
  public let state: ModelState
}

extension PatchRun {
  /// Files beside the weights that go with the patch: none where only the weights shall.
  public var beside: [BesideFile] { weightsOnly ? [] : patch.beside }

  private func path(_ file: BesideFile) -> String { Folder.path(model.folder, file.name) }

  /// What each file is; nothing for a model that is no folder.
  public func examineBeside() throws -> [BesideState] {
    guard model.isFolder else { return [] }
    return try beside.map { BesideState(name: $0.name, state: try state(of: $0).state) }
  }

  private func state(of file: BesideFile) throws -> (state: ModelState, digest: Digest?) {
    let path = path(file)
    guard Folder.occupied(path) else {
      return (file.base == nil ? .base : file.result == nil ? .edited : .other, nil)
    }
    let present = try OpenFile(path, .reading)
    let size = try present.size()
    let digest = try StreamedDigest.of(present, size)
    func isThere(_ side: BesideFile.Side?) -> Bool { side?.byteCount == size && side?.digest == digest }
    return (isThere(file.base) ? .base : isThere(file.result) ? .edited : .other, digest)
  }

  /// Demands that every file beside the weights is what the direction starts from.
  func requireBeside(of direction: Direction) throws {
    guard let first = beside.first else { return }
    guard model.isFolder else {
      throw PatchError.filesNeedFolder(patch: patch.path, file: first.name, model: model.path)
    }
    for file in beside {
      let (state, digest) = try state(of: file)
      guard state == (direction == .apply ? .base : .edited) else {
        throw PatchError.wrongFile(
          file: path(file), expected: file.side(direction.opposite)?.digest, found: digest, state: state)
      }
      // That the patch can give the other side, and this one again.
      let present = digest == nil ? nil : try BesideFile.read(path(file))
      let other = try content(of: file, direction, from: present)
      guard try content(of: file, direction.opposite, from: other) == present else {
        throw PatchError.fileDigest(file: patch.path, name: file.name)
      }
    }
  }

  /// What a file holds after the direction; `nil` when it is gone then.
  private func content(
    of file: BesideFile, _ direction: Direction, from present: [UInt8]?
  ) throws -> [UInt8]? {
    guard let side = file.side(direction) else { return nil }
    var bytes = try patch.content(side.blocks)
    if let present {
      guard file.prefix + file.suffix <= present.count else {
        throw PatchError.fileDigest(file: patch.path, name: file.name)
      }
      bytes = present.prefix(file.prefix) + bytes + present.suffix(file.suffix)
    }
    guard bytes.count == side.byteCount, Digest(of: bytes) == side.digest else {
      throw PatchError.fileDigest(file: patch.path, name: file.name)
    }
    return bytes
  }

  /// Brings the copies of the files in a new folder to the other side.
  func writeBeside(_ direction: Direction, to folder: NewFolder) throws {
    for file in beside {
      let copy = folder.place(of: file.name).path
      let present = Folder.fileExists(copy) ? try BesideFile.read(copy) : nil
      guard let bytes = try content(of: file, direction, from: present) else {
        Folder.remove(copy)
        continue
      }
      let output = try folder.file(file.name)
      try output.file.write(bytes, at: 0)
      try output.publish()
    }
  }

  /// Files that are not yet what the direction leads to.
  func besideNotYet(_ direction: Direction) throws -> [BesideFile] {
    let goal: ModelState = direction == .apply ? .edited : .base
    return try beside.filter { try state(of: $0).state != goal }
  }

  /// Refuses files that cannot be changed in place: links, whose targets may be another model's.
  func requireOwnBeside() throws {
    for file in beside where Folder.occupied(path(file)) { _ = try OpenFile(path(file), .updating) }
  }

  /// Brings the files to the other side where they stand, each by one rename: it is as before or as after at any moment. The
  /// journal, which carries the patch, stays until all of them are there, so a run that was cut off is completed or undone.
  func changeBeside(_ direction: Direction) throws {
    for file in try besideNotYet(direction) {
      let path = path(file)
      let present = Folder.occupied(path) ? try BesideFile.read(path) : nil
      if let bytes = try content(of: file, direction, from: present) {
        let output = try AtomicFile(path)
        try disk.write(bytes, to: output.file, at: 0)
        try disk.publish(output)
      } else {
        try disk.remove(path)
      }
      try disk.synchronizeFolder(model.folder)
    }
  }

  /// Refuses files that are neither as before a run that was cut off nor as after it: each was replaced by one rename, so they are
  /// somebody else's.
  func requireKnownBeside(_ journal: Journal) throws {
    try requireOwnBeside()
    for file in beside where try state(of: file).state == .other {
      throw PatchError.foreignFile(journal: journal.path, file: path(file))
    }
  }
}

extension StreamedDigest {
  /// SHA-256 of a file's first bytes, without holding them all.
  static func of(_ file: OpenFile, _ size: Int) throws -> Digest {
    var digest = StreamedDigest()
    for start in stride(from: 0, to: size, by: 1 << 20) {
      try file.read(min(1 << 20, size - start), at: start).withUnsafeBytes { digest.update($0) }
    }
    return digest.value
  }
}
