/// A GGUF model in one file, or in several named `…-00001-of-0000N.gguf` that the first one leads to.
///
/// Source: ggml-org/llama.cpp, `tools/gguf-split` and `src/llama-model-loader.cpp`.
struct GGUFParts {
  /// The files with their headers, in the order of their numbers.
  private(set) var parts: [(file: OpenFile, header: GGUFHeader)]

  static let suffix = ".gguf"

  /// Opens the file and all that belong to it.
  init(opening first: OpenFile) throws(ModelFileError) {
    let path = first.path
    let header = try GGUFHeader(reading: first)
    parts = [(first, header)]
    let count = header["split.count"]?.integer ?? 1
    guard count > 1 else { return }
    func refuse(_ reason: ModelFileError.Reason, _ file: OpenFile, key: String) -> ModelFileError {
      ModelFileError(reason, file: file.path, key: key)
    }
    guard let name = PartName(Folder.name(of: path)) else {
      throw refuse(.splitName(count: count), first, key: "split.count")
    }
    guard name.count == count else {
      throw refuse(.splitCount(expected: name.count, found: count), first, key: "split.count")
    }
    let number = header["split.no"]?.integer ?? 0
    guard number == 0, name.number == 1 else {
      throw refuse(
        .splitNotFirst(number: max(number + 1, name.number), first: name.first), first, key: "split.no")
    }
    var names = Set(header.tensors.map(\.name))
    for number in 1..<count {
      let part = Folder.path(Folder.containing(path), name.part(number + 1))
      guard Folder.occupied(part) else { throw ModelFileError(.shardMissing(index: path), file: part) }
      let file = try OpenFile(part, .reading)
      let header = try GGUFHeader(reading: file)
      guard header["split.no"]?.integer == number else {
        throw refuse(
          .splitNumber(expected: number, found: header["split.no"]?.integer), file, key: "split.no")
      }
      guard header["split.count"]?.integer == count else {
        throw refuse(
          .splitCount(expected: count, found: header["split.count"]?.integer), file, key: "split.count")
      }
      for tensor in header.tensors where !names.insert(tensor.name).inserted {
        throw ModelFileError(.duplicateName, file: file.path, tensor: tensor.name)
      }
      parts.append((file, header))
    }
    if let expected = header["split.tensors.count"]?.integer, expected != names.count {
      throw refuse(
        .splitTensorCount(expected: expected, found: names.count), first, key: "split.tensors.count")
    }
  }

  /// The file to open in a folder that holds one GGUF model, if there are any GGUF files.
  ///
  /// - Parameter names: what the folder holds.
  static func onlyModel(in folder: String, _ names: [String]) throws(ModelFileError) -> String? {
    let candidates = names.filter { $0.hasSuffix(suffix) }
    guard let first = candidates.first else { return nil }
    if candidates.count > 1 {
      let parts = candidates.compactMap(PartName.init)
      guard parts.count == candidates.count, parts.allSatisfy({ $0.first == parts[0].first }) else {
        throw ModelFileError(.severalModelsInFolder(candidates), file: folder)
      }
    }
    return Folder.path(folder, PartName(first)?.first ?? first)
  }

  /// The name of one file of several.
  private struct PartName {
    let stem: String
    let number: Int
    let count: Int

    /// Takes `stem-00002-of-00005.gguf` apart.
    init?(_ name: String) {
      guard name.hasSuffix(GGUFParts.suffix) else { return nil }
      let fields = name.dropLast(GGUFParts.suffix.count).split(
        separator: "-", omittingEmptySubsequences: false)
      guard fields.count >= 4, fields[fields.count - 2] == "of",
        let number = PartName.digits(fields[fields.count - 3]),
        let count = PartName.digits(fields[fields.count - 1]), number >= 1, number <= count
      else { return nil }
      stem = fields.dropLast(3).joined(separator: "-")
      (self.number, self.count) = (number, count)
    }

    /// The name of another part.
    func part(_ number: Int) -> String {
      "\(stem)-\(PartName.text(number))-of-\(PartName.text(count))\(GGUFParts.suffix)"
    }

    /// The name of the first part.
    var first: String { part(1) }

    private static func digits(_ field: Substring) -> Int? {
      field.utf8.count == 5 && field.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(field) : nil
    }

    private static func text(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
  }
}
