internal import Floor
public import ModelFiles

extension ModelSignature {
  /// Compares a model with what is signed: every file that is listed, byte for byte by its digest, and no file beside them.
  ///
  /// - Parameters:
  ///   - model: the model; all files of its folder count, or its one file where one file was signed.
  ///   - progress: is told of bytes that were read.
  /// - Returns: records of errata's in the folder that are not signed, which are no part of a model.
  /// - Throws: `ModelSignatureError.changed`, `missing`, `unsigned`.
  /// - Complexity: reads every file once.
  @discardableResult
  public func check(filesOf model: ModelFile, progress: (Int) -> Void = { _ in }) throws -> [String] {
    let folder = model.folder
    var records: [String] = []
    if entries.contains(where: { $0.name != "." }) {
      let known = Set(entries.map(\.name))
      for name in try Self.files(in: folder, below: "", ignored) where !known.contains(name) {
        let place = Folder.path(folder, name)
        guard PatchRecord.isOne(name) else {
          throw ModelSignatureError.unsigned(file: place, signature: path)
        }
        records.append(place)
      }
    }
    var ends: [String: Int] = [:]
    for entry in entries {
      let place = Self.place(of: entry.name, in: model)
      guard Folder.fileExists(place) else {
        throw ModelSignatureError.missing(file: place, signature: path)
      }
      let file = try OpenFile(place, .reading)
      let size = try file.size()
      let range = entry.range ?? 0..<size
      // Parts follow one another to the end of their file, so that nothing between them is unsigned.
      guard range.lowerBound == ends[entry.name] ?? 0, range.upperBound <= size,
        try Self.digest(of: file, range, progress) == entry.digest
      else { throw ModelSignatureError.changed(file: place, signature: path) }
      ends[entry.name] = range.upperBound
    }
    for (name, end) in ends {
      let place = Self.place(of: name, in: model)
      guard try OpenFile(place, .reading).size() == end else {
        throw ModelSignatureError.changed(file: place, signature: path)
      }
    }
    return records.sorted()
  }

  /// Bytes that a check reads.
  public func byteCount(of model: ModelFile) -> Int {
    Set(entries.map(\.name)).reduce(0) { sum, name in
      return sum + ((try? OpenFile(Self.place(of: name, in: model), .reading).size()) ?? 0)
    }
  }

  private static func place(of name: String, in model: ModelFile) -> String {
    name == "." ? model.shards[0].path : Folder.path(model.folder, name)
  }

  private static func digest(of file: OpenFile, _ range: Range<Int>, _ progress: (Int) -> Void) throws
    -> Digest
  {
    var digest = StreamedDigest()
    let step = 1 << 22
    for start in stride(from: range.lowerBound, to: range.upperBound, by: step) {
      let count = min(step, range.upperBound - start)
      try file.read(count, at: start).withUnsafeBytes { digest.update($0) }
      progress(count)
    }
    return digest.value
  }

  /// Names of files in a folder and those below it, but for the signature and what it passes over.
  private static func files(in folder: String, below prefix: String, _ ignored: Set<String>) throws
    -> [String]
  {
    try Folder.names(in: folder).flatMap { entry -> [String] in
      let name = prefix + entry
      let place = Folder.path(folder, entry)
      guard name != fileName, !ignored.contains(name), !Folder.isTemporary(entry) else { return [] }
      // A link may lead back up; nothing that is signed lies so deep.
      let isDeep = prefix.utf8.count(where: { $0 == UInt8(ascii: "/") }) > 32
      return Folder.exists(place) && !isDeep ? try files(in: place, below: name + "/", ignored) : [name]
    }
  }
}
