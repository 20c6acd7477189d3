import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// A model with what plain PyTorch makes of the methods on it (`Fixtures/make/methods.py`).
struct MethodReference {
  let model: FixtureModel
  private let tensors: ReferenceTensors

  init(_ name: String) throws {
    model = try FixtureModel(name)
    tensors = try ReferenceTensors("\(name).methods.safetensors")
  }

  func note(_ key: String) throws -> JSONValue {
    let text = try #require(tensors.file.metadata[0].first { $0.key == key }?.value)
    return try JSONValue(parsing: Array(text.utf8))
  }

  func number(_ key: String) throws -> Double { try #require(note(key).number) }
  func setting(_ key: String) throws -> Double { try #require(note("settings")[key]?.number) }
  var layers: [Int] { get throws { try #require(note("layers").elements).compactMap(\.integer) } }
  func floats(_ name: String) throws -> [Float] { try tensors.matrix(name).elements.map { Float($0) } }
  func rows(_ name: String) throws -> [[Float]] {
    let matrix = try tensors.matrix(name)
    return (0..<matrix.rows).map { matrix.row($0).map { Float($0) } }
  }

  /// Problems of the first facts, or of those after them.
  func problems(_ range: Range<Int> = 0..<2) throws -> [ValueProblem] {
    try model.problems(Array(model.facts(range.upperBound)[range]))
  }

  /// The same as a batch.
  func batch(_ range: Range<Int>) throws -> EditBatch {
    let facts = model.facts(range.upperBound)[range]
    return EditBatch(
      groups: facts.map { FactGroup(subject: $0.subject, facts: [$0]) }, problems: try problems(range))
  }

  /// A solver for methods that need no statistics.
  func solver(_ method: EditMethod) -> WeightSolver {
    WeightSolver(
      model: model.network.model, statistics: nil, settings: UpdateSettings(method: method),
      options: LowRankOptions(), orientation: nil)
  }

  /// The edited weight. `[outputWidth × inputWidth]`
  func weight(of layer: Int) throws -> Matrix<Float> {
    let name = try model.network.downProjection(of: layer)
    let tensor = try model.network.model.tensor(name)
    let bytes = try model.network.model.file(of: tensor).read(
      tensor.byteCount, at: tensor.byteRange.lowerBound)
    return try tensor.floats(
      bytes, WeightSolver.orientation(of: name, in: model.network.model, fallback: nil))
  }
}
