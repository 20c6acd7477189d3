public import ModelFiles

extension StatisticsFile {
  /// One published second moment and the weight that it belongs to.
  public struct Source {
    /// Path of the `.npz`.
    public let archive: String
    /// Full name of the edited weight.
    public let weight: String

    /// Names a source outright.
    public init(archive: String, weight: String) {
      self.archive = archive
      self.weight = weight
    }

    /// Takes the weight from the file's name, as the projects write it:
    /// `transformer.h.17.mlp.c_proj_float32_mom2_100000.npz` is `transformer.h.17.mlp.c_proj.weight`.
    ///
    /// - Returns: `nil` when the name is of another form.
    public init?(archive: String) {
      let name = Folder.name(of: archive)
      for type in ["_float32_", "_float64_", "_float16_"] {
        guard let range = name.firstRange(of: type) else { continue }
        self.init(archive: archive, weight: String(name[..<range.lowerBound]) + ".weight")
        return
      }
      return nil
    }
  }

  /// Turns `.npz` second moments of the ROME and MEMIT projects into a statistics file; the sums are copied as they are.
  ///
  /// - Throws: `badArchive`, `archiveWidth`, and what `SecondMoment` finds wrong with a matrix.
  public static func importArchives(
    _ sources: [Source], model: ModelFile, orientation: (String) throws -> Bool, to path: String
  ) throws {
    var tensors: [NewTensor] = []
    var weights: Set<String> = []
    for source in sources {
      let archive = try NumPyArchive(source.archive)
      func bad(_ detail: String, at offset: Int = 0) -> StatisticsError {
        .badArchive(file: source.archive, byteOffset: offset, detail: detail)
      }
      guard let sum = archive.arrays.first(where: { $0.name == "mom2.mom2" }) else {
        throw bad("it has no array mom2.mom2")
      }
      guard let count = archive.arrays.first(where: { $0.name == "mom2.count" }) else {
        throw bad("it has no array mom2.count")
      }
      guard count.elementType == "<i8", count.shape.allSatisfy({ $0 == 1 }), count.byteRange.count == 8 else {
        throw bad("mom2.count is not one 64-bit integer", at: count.headerOffset)
      }
      guard let type = ["<f4": ElementType.f32, "<f8": .f64][sum.elementType] else {
        throw bad("mom2.mom2 has element type \(sum.elementType); <f4 or <f8 is needed", at: sum.headerOffset)
      }
      guard sum.shape.count == 2, sum.shape[0] == sum.shape[1],
        let byteCount = try? type.byteCount(shape: sum.shape), byteCount == sum.byteRange.count
      else {
        throw bad(
          "mom2.mom2 of shape \(sum.shape) is not a square matrix that fills its entry", at: sum.headerOffset)
      }
      let width = sum.shape[0]
      let weight = try model.tensor(source.weight)
      guard weights.insert(weight.name).inserted else {
        throw bad("another archive holds \(weight.name) already")
      }
      guard weight.shape.count == 2 else {
        throw ModelFileError(
          .shapeMismatch(expected: [-1, -1], found: weight.shape), file: model.path, tensor: weight.name)
      }
      let expected = try orientation(weight.name) ? weight.shape[0] : weight.shape[1]
      guard expected == width else {
        throw StatisticsError.archiveWidth(
          file: source.archive, weight: weight.name, expected: expected, found: width)
      }
      let tokens = try archive.file.read(8, at: count.byteRange.lowerBound).withUnsafeBytes {
        $0.loadUnaligned(as: Int64.self)
      }
      tensors += Self.tensors(weight: weight.name, width: width, type: type, tokenCount: Int(tokens)) {
        file, offset in
        try file.copy(sum.byteRange, of: archive.file, to: offset)
      }
    }
    try SafetensorsWriter.write(tensors, metadata: [("corpus", "imported from .npz")], to: path) {
      temporary in
      // What the matrices hold is judged by the one reader that judges all statistics, before the file gets its name.
      let written = try StatisticsFile(temporary)
      for weight in written.weights { _ = try written.secondMoment(of: weight) }
    }
  }
}
