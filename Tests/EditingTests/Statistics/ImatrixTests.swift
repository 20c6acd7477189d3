import Editing
import ModelFiles
import TestSupport
import Testing

/// Importance matrices of llama.cpp: diagonals of second moments, written and read.
@Suite struct ImatrixTests {
  private let folder: TemporaryFolder
  private static let weight = "blk.1.ffn_down.weight"

  init() throws { folder = try TemporaryFolder() }

  private var statistics: String { PackageFiles.path("Fixtures/reference/tiny-llama.statistics.safetensors") }

  @Test func `what is written is the gguf package's file, byte for byte`() throws {
    try StatisticsFile(statistics).writeImatrix(to: folder.path("own.gguf"))
    let theirs = try OpenFile(PackageFiles.path("Fixtures/reference/imatrix.gguf"), .reading)
    #expect(try folder.read("own.gguf") == theirs.read(theirs.size(), at: 0))
  }

  @Test func `read, it is the diagonal and nothing else`() throws {
    let file = try StatisticsFile(PackageFiles.path("Fixtures/reference/imatrix.gguf"))
    let whole = try StatisticsFile(statistics)
    #expect(file.isDiagonal && !whole.isDiagonal)
    #expect(file.weights == [Self.weight, "blk.2.ffn_down.weight"])
    let source = "model.layers.1.mlp.down_proj.weight"
    #expect(try file.tokenCount(of: Self.weight) == whole.tokenCount(of: source))
    let (found, wanted) = (try file.secondMoment(of: Self.weight), try whole.secondMoment(of: source))
    let width = try file.inputWidth(of: Self.weight)
    #expect(found.sum.rows == width && wanted.sum.rows == width)
    for index in 0..<width {
      let (own, other) = (found.sum[index, index], wanted.sum[index, index])
      #expect(abs(own - other) <= 1e-6 * other && found.sum[index, (index + 1) % width] == 0)
    }
  }

  @Test func `files that are none are refused`() throws {
    func refusal(_ tensors: [NewTensor]) throws -> String? {
      try GGUFWriter.write(tensors, metadata: [], to: folder.path("bad.gguf"))
      let error = #expect(throws: (any Error).self) {
        let file = try StatisticsFile(folder.path("bad.gguf"))
        for weight in file.weights { _ = try file.secondMoment(of: weight) }
      }
      Folder.remove(folder.path("bad.gguf"))
      return error.map(caseName(ofError:))
    }
    func tensor(_ suffix: String, _ elements: [Float], _ shape: [Int]) -> NewTensor {
      NewTensor(name: Self.weight + suffix, elementType: .f32, shape: shape, elements: elements)
    }
    let count = tensor(".counts", [3], [1, 1])
    #expect(try refusal([tensor(".in_sum2", [1, 2], [1, 2])]) == "noSuchTensor")
    #expect(try refusal([tensor(".in_sum2", [1, 2], [2, 1]), count]) == "shapeMismatch")
    #expect(try refusal([tensor(".in_sum2", [1, .nan], [1, 2]), count]) == "notFinite")
    #expect(try refusal([tensor(".in_sum2", [1, -2], [1, 2]), count]) == "negativeSecondMoment")
    for tokens in [Float(0), .infinity, -1] {
      let error = try refusal([tensor(".in_sum2", [1, 2], [1, 2]), tensor(".counts", [tokens], [1, 1])])
      #expect(error == (tokens.isFinite ? "noTokens" : "notFinite"))
    }
    // Experts in one tensor: nothing is left.
    #expect(
      try refusal([tensor(".in_sum2", [1, 2, 3, 4], [2, 2]), tensor(".counts", [1, 2], [2, 1])])
        == "noSuchTensor")
    let file = try StatisticsFile(PackageFiles.path("Fixtures/reference/imatrix.gguf"))
    #expect(throws: StatisticsError.onlyDiagonal(file: file.container.path)) {
      try StatisticsFile.merge([file, file], to: folder.path("sum.safetensors"))
    }
  }
}
