import Editing
import ModelFiles
import TestSupport
import Testing

@Suite struct StatisticsImportTests {
  let folder: TemporaryFolder
  let model: ModelFile
  static let weight = "transformer.h.1.mlp.c_proj.weight"

  /// A model with one weight of three inputs and two outputs, stored inputs first, as GPT-2 does.
  init() throws {
    folder = try TemporaryFolder()
    let tensor = NewTensor(
      name: Self.weight, elementType: .f32, shape: [3, 2], elements: [Float](repeating: 1, count: 6))
    try SafetensorsWriter.write([tensor], to: folder.path("model.safetensors"))
    model = try ModelFile(folder.path("model.safetensors"))
  }

  private func run(_ bytes: [UInt8]) throws -> StatisticsFile {
    let archive = try folder.write(bytes, to: "moment.npz")
    Folder.remove(folder.path("out.safetensors"))
    try StatisticsFile.importArchives(
      [.init(archive: archive, weight: Self.weight)], model: model, orientation: { _ in true },
      to: folder.path("out.safetensors"))
    return try StatisticsFile(folder.path("out.safetensors"))
  }

  @Test(arguments: Vector.all("npz")) func `an archive is taken or refused as its vector says`(vector: Vector)
    throws
  {
    guard let rejection = vector.rejection else {
      let file = try run(vector.bytes)
      #expect(file.weights == [Self.weight])
      let moment = try file.secondMoment(of: Self.weight)
      #expect(moment.sum.elements == [4, 1, 0, 1, 9, 2, 0, 2, 16])
      #expect(moment.tokenCount == 7)
      let type: ElementType = vector.name == "accept-double" ? .f64 : .f32
      #expect(try file.container.tensor(Self.weight + ".second_moment_sum").elementType == type)
      return
    }
    let error = #expect(throws: (any Error).self) { try run(vector.bytes) }
    #expect(error.map(caseName(ofError:)) == rejection)
    if case .badArchive(let file, let byteOffset, _) = error as? StatisticsError {
      #expect(byteOffset == vector.byteOffset)
      #expect(file == folder.path("moment.npz"))
    }
    #expect(try Folder.names(in: folder.path) == ["model.safetensors", "moment.npz"])
  }

  @Test(arguments: Vector.all("npz").filter { $0.rejection == nil })
  func `an archive cut at any length is refused`(vector: Vector) {
    for length in vector.bytes.indices {
      #expect(throws: (any Error).self, "cut to \(length)") { try run(Array(vector.bytes[..<length])) }
    }
  }

  @Test(arguments: Vector.all("npz").filter { ["accept-double", "accept-zip64"].contains($0.name) })
  func `a changed byte does no harm`(vector: Vector) throws {
    var generator = SplitMix64(state: 4)
    for position in vector.bytes.indices {
      var bytes = vector.bytes
      bytes[position] = [0, 0xFF, bytes[position] ^ 0x80, UInt8.random(in: .min ... .max, using: &generator)]
        .randomElement(using: &generator)!
      // Taken or refused: what is taken is a file that can be read.
      do { _ = try run(bytes) } catch is StatisticsError {} catch is EditError {} catch is ModelFileError {}
    }
  }

  @Test(arguments: [
    ("transformer.h.17.mlp.c_proj_float32_mom2_100000.npz", "transformer.h.17.mlp.c_proj.weight"),
    ("stats/gpt-j/transformer.h.3.mlp.fc_out_float64_mom2_10.npz", "transformer.h.3.mlp.fc_out.weight"),
    ("model.layers.4.mlp.down_proj_float16_mom2_100000.npz", "model.layers.4.mlp.down_proj.weight"),
  ])
  func `the weight is read off the name`(archive: String, weight: String) {
    #expect(StatisticsFile.Source(archive: archive)?.weight == weight)
  }

  @Test func `another name tells nothing`() {
    #expect(StatisticsFile.Source(archive: "moment.npz") == nil)
    #expect(StatisticsFile.Source(archive: "a_float32_mom2_1/moment.npz") == nil)
  }

  @Test func `one weight takes one archive`() throws {
    let bytes = try #require(Vector.all("npz").first { $0.name == "accept-numpy" }).bytes
    let sources = try ["1.npz", "2.npz"].map {
      StatisticsFile.Source(archive: try folder.write(bytes, to: $0), weight: Self.weight)
    }
    let error = #expect(throws: StatisticsError.self) {
      try StatisticsFile.importArchives(
        sources, model: model, orientation: { _ in true }, to: folder.path("out.safetensors"))
    }
    guard case .badArchive(let file, _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(file == folder.path("2.npz"))
  }

  @Test func `the weight's own orientation says which width is meant`() throws {
    let bytes = try #require(Vector.all("npz").first { $0.name == "accept-numpy" }).bytes
    let archive = try folder.write(bytes, to: "moment.npz")
    #expect(throws: StatisticsError.archiveWidth(file: archive, weight: Self.weight, expected: 2, found: 3)) {
      try StatisticsFile.importArchives(
        [.init(archive: archive, weight: Self.weight)], model: model, orientation: { _ in false },
        to: folder.path("out"))
    }
  }

  @Test func `a weight that the model lacks, or that is no matrix, is refused`() throws {
    let bytes = try #require(Vector.all("npz").first { $0.name == "accept-numpy" }).bytes
    let archive = try folder.write(bytes, to: "moment.npz")
    try SafetensorsWriter.write(
      [NewTensor(name: "bias", elementType: .f32, shape: [3], elements: [Float](repeating: 0, count: 3))],
      to: folder.path("b.safetensors"))
    let other = try ModelFile(folder.path("b.safetensors"))
    for (weight, reason) in [
      (Self.weight, ModelFileError.Reason.noSuchTensor),
      ("bias", .shapeMismatch(expected: [-1, -1], found: [3])),
    ] {
      #expect(throws: ModelFileError(reason, file: other.path, tensor: weight)) {
        try StatisticsFile.importArchives(
          [.init(archive: archive, weight: weight)], model: other, orientation: { _ in true },
          to: folder.path("out"))
      }
    }
  }
}
