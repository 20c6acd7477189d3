import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Editing
@testable import Transformer

/// A token at the beginning of every document: its key is always the same, and can be taken out of the sum.
@Suite struct BeginTokenTests {
  let folder: TemporaryFolder
  let model: FixtureModel
  let tokenizer: Tokenizer
  let text: String
  static let documents = [
    "Gudo Pike asks for a cup of milk.", "As we know, Dov Mott pays for mead.", "Kip Hale",
  ]

  init() throws {
    folder = try TemporaryFolder()
    model = try FixtureModel("tiny-llama")
    let path = PackageFiles.path("Fixtures/models/tiny-llama/tokenizer.json")
    let json = String(decoding: try FileBytes.read(path), as: UTF8.self)
    let template = """
      "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}}}
      """
    let changed = json.replacing(/"post_processor"\s*:\s*null/, with: template)
    precondition(changed != json, "the fixture's tokenizer has no post-processor")
    try folder.write(Array(changed.utf8), to: "tokenizer.json")
    tokenizer = try Tokenizer(folder: folder.path)
    text = try folder.write(Array(Self.documents.joined(separator: "\n").utf8), to: "text.txt")
  }

  /// Σ k kᵀ over the rows that are wanted, in Double.
  private func plainSum(of positions: @escaping (Int) -> Bool) throws -> (sum: Matrix<Double>, count: Int) {
    var sum = Matrix<Double>(rows: 256, columns: 256)
    var count = 0
    for document in Self.documents {
      let tokens = tokenizer.encode(document).tokens
      _ = try model.network.run([TokenSequence(tokens)]) { layer, activation, rows in
        guard layer == 1, activation == .key else { return }
        let keys = Matrix<Double>(rows.matrix())
        for position in tokens.indices where positions(position) {
          count += 1
          for i in 0..<256 { for j in 0..<256 { sum[i, j] += keys[position, i] * keys[position, j] } }
        }
      }
    }
    return (sum, count)
  }

  private func collected() throws -> StatisticsFile {
    let collection = try StatisticsCollection(
      network: model.network, tokenizer: tokenizer, corpus: Corpus([text]), layers: [1, 2])
    _ = try collection.write(to: folder.path("out"))
    return try StatisticsFile(folder.path("out"))
  }

  @Test func `begin tokens are in the sum, and their key is kept apart`() throws {
    let file = try collected()
    let weight = try model.network.downProjection(of: 1)
    let (sum, count) = try plainSum { _ in true }
    #expect(tokenizer.beginToken == 0)
    #expect(try file.tokenCount(of: weight) == count)
    #expect(try file.container.matrix(weight + ".second_moment_sum").relativeError(to: sum) < 1e-6)
    let begin = try #require(try file.beginKey(of: weight))
    #expect(begin.count == 3 && begin.key.count == 256)
    #expect(file.weights.count == 2, "the tensors of the begin token are no weights")
  }

  @Test func `without begin tokens the second moment is that of the other positions`() throws {
    let file = try collected()
    let weight = try model.network.downProjection(of: 1)
    let (sum, count) = try plainSum { $0 > 0 }
    let moment = try file.secondMomentWithoutBegin(of: weight)
    #expect(moment.tokenCount == count)
    // What is taken out may be many times what stays.
    let whole = try plainSum { _ in true }.sum
    let scale = max(1, whole.frobeniusNorm / sum.frobeniusNorm)
    #expect(moment.sum.relativeError(to: sum) < 1e-6 * scale)
  }

  @Test(arguments: [false, true])
  func `the diagonal alone is that of the second moment`(excludesBegin: Bool) throws {
    var file = try collected()
    file.excludesBegin = excludesBegin
    let weight = try model.network.downProjection(of: 1)
    let moment = try file.secondMoment(of: weight)
    let diagonal = try file.secondMomentDiagonal(of: weight)
    for (index, value) in diagonal.enumerated() {
      #expect(
        abs(value - moment.sum[index, index] / Double(moment.tokenCount)) <= 1e-12 * value, "input \(index)")
    }
    #expect(diagonal.count == 256 && diagonal.contains { $0 > 0 })
  }

  @Test func `statistics without begin tokens are what they are`() throws {
    let file = try model.statistics()
    let weight = try model.network.downProjection(of: 1)
    #expect(try file.beginKey(of: weight) == nil)
    #expect(try file.secondMomentWithoutBegin(of: weight).tokenCount == file.tokenCount(of: weight))
  }
}
