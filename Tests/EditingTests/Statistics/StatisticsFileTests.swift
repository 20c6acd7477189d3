import Editing
import Glibc
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@Suite struct StatisticsFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: Vector.all("statistics")) func `a file is read or refused as its vector says`(
    vector: Vector
  ) throws {
    let path = try folder.write(vector.bytes, to: "s.safetensors")
    func readAll() throws {
      let file = try StatisticsFile(path)
      for weight in file.weights { _ = try file.secondMoment(of: weight) }
    }
    guard let rejection = vector.rejection else { return try readAll() }
    let error = #expect(throws: (any Error).self) { try readAll() }
    #expect(error.map(caseName(ofError:)) == rejection)
    #expect((error as? ModelFileError)?.byteOffset == vector.byteOffset)
  }

  @Test func `sums and counts are read as they are`() throws {
    let vectors = Dictionary(uniqueKeysWithValues: Vector.all("statistics").map { ($0.name, $0.bytes) })
    let one = try StatisticsFile(folder.write(#require(vectors["accept-one-weight"]), to: "1.safetensors"))
    #expect(one.weights == ["model.layers.5.mlp.down_proj.weight"])
    let moment = try one.secondMoment(of: one.weights[0])
    #expect(moment.sum.elements == [4, 1, 1, 9])
    #expect(moment.tokenCount == 3)
    #expect(one.container.note("model") == nil)

    let two = try StatisticsFile(folder.write(#require(vectors["accept-two-weights"]), to: "2.safetensors"))
    #expect(two.weights == ["h.0.mlp.c_proj.weight", "model.layers.5.mlp.down_proj.weight"])
    #expect(try two.weights.map { try two.inputWidth(of: $0) } == [1, 2])
    #expect(try two.weights.map { try two.tokenCount(of: $0) } == [1 << 62, 3])
    #expect(try two.secondMoment(of: two.weights[0]).sum.elements == [2.5])
    #expect(two.container.note("model") == "tiny" && two.container.note("corpus") == "corpus.txt")
  }

  @Test(arguments: ["tiny-gpt2", "tiny-llama"]) func `the reference's own statistics are read`(name: String)
    throws
  {
    let file = try StatisticsFile(PackageFiles.path("Fixtures/reference/\(name).statistics.safetensors"))
    #expect(file.weights.count == 2)
    #expect(file.container.note("model") == name)
    let moment = try file.secondMoment(of: file.weights[1])
    #expect(moment.inputWidth == 256 && moment.deadUnits.isEmpty)
  }

  @Test func `a file cut short after it was opened is an error`() throws {
    let weight = "a"
    let tensors = Self.tensors(weight, sum: [Float](repeating: 1, count: 64 * 64), width: 64, count: 5)
    try SafetensorsWriter.write(tensors, to: folder.path("s.safetensors"))
    let file = try StatisticsFile(folder.path("s.safetensors"))
    truncate(folder.path("s.safetensors"), 4096)
    let error = #expect(throws: ModelFileError.self) { try file.secondMoment(of: weight) }
    #expect(error.map { caseName(ofError: $0) } == "unexpectedEnd")
    #expect(throws: ModelFileError.self) {
      try StatisticsFile.merge([file], to: folder.path("out.safetensors"))
    }
    #expect(try Folder.names(in: folder.path) == ["s.safetensors"])
  }

  /// The tensors of one weight.
  static func tensors<Scalar: BitwiseCopyable>(
    _ weight: String, sum: [Scalar], width: Int, count: Int64
  ) -> [NewTensor] {
    let type: ElementType = MemoryLayout<Scalar>.size == 8 ? .f64 : .f32
    return [
      NewTensor(
        name: weight + ".second_moment_sum", elementType: type, shape: [width, width], elements: sum),
      NewTensor(name: weight + ".token_count", elementType: .i64, shape: [1], elements: [count]),
    ]
  }
}

/// The name of an error's case, without its values: the word that vectors and `--json` use.
func caseName(ofError error: any Error) -> String {
  if case .ofStatistics(_, _, let reason)? = error as? EditError { return caseName(ofError: reason) }
  let text = (error as? ModelFileError).map { "\($0.reason)" } ?? "\(error)"
  return String(text.prefix { $0 != "(" })
}

@Suite struct MatrixTensorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [(1, 1), (3, 5), (1, 64), (0, 4), (4, 0)]) func `both types give the same matrix`(
    rows: Int, columns: Int
  ) throws {
    var generator = SplitMix64(state: 8)
    let numbers = (0..<rows * columns).map { _ in Float(generator.normal()) }
    try SafetensorsWriter.write(
      [
        NewTensor(name: "single", elementType: .f32, shape: [rows, columns], elements: numbers),
        NewTensor(
          name: "double", elementType: .f64, shape: [rows, columns], elements: numbers.map { Double($0) }),
        NewTensor(name: "shift", elementType: .u8, shape: [3], elements: [UInt8](repeating: 255, count: 3)),
      ], to: folder.path("m.safetensors"))
    let file = try ModelFile(folder.path("m.safetensors"))
    for name in ["single", "double"] {
      let matrix = try file.matrix(name, shape: [rows, columns])
      #expect(matrix.rows == rows && matrix.columns == columns)
      #expect(matrix.elements == numbers.map { Double($0) })
    }
  }

  @Test func `what is no matrix of numbers is refused`() throws {
    try SafetensorsWriter.write(
      [
        NewTensor(name: "half", elementType: .f16, shape: [1, 2], elements: [UInt16(0), 0]),
        NewTensor(name: "vector", elementType: .f32, shape: [2], elements: [Float(0), 0]),
        NewTensor(name: "matrix", elementType: .f32, shape: [1, 2], elements: [Float(0), 0]),
      ], to: folder.path("m.safetensors"))
    let file = try ModelFile(folder.path("m.safetensors"))
    for (name, shape, reason) in [
      ("half", [-1, -1], ModelFileError.Reason.elementTypeMismatch(expected: [.f32, .f64], found: .f16)),
      ("vector", [-1, -1], .shapeMismatch(expected: [-1, -1], found: [2])),
      ("matrix", [-1, 3], .shapeMismatch(expected: [-1, 3], found: [1, 2])),
      ("none", [-1, -1], .noSuchTensor),
    ] {
      #expect(throws: ModelFileError(reason, file: file.path, tensor: name)) {
        try file.matrix(name, shape: shape)
      }
    }
  }
}
