import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// Value optimization against autograd through the whole model (`Fixtures/make/values.py`).
@Suite struct ValueReferenceTests {
  /// Float through one block, against the first loss; seen 2e-6.
  static let (lossTolerance, valueTolerance) = (1e-5, 1e-4)

  @Test(arguments: FixtureModel.names, ["memit", "rome"])
  func `losses and values are torch's, step by step`(name: String, target: String) throws {
    let model = try FixtureModel(name)
    let reference = try ReferenceTensors("\(name).values.safetensors")
    let notes = reference.file.metadata[0]
    func note(_ key: String) throws -> JSONValue {
      let text = try #require(notes.first { $0.key == key }?.value)
      return try JSONValue(parsing: Array(text.utf8))
    }
    let numbers = try note("settings")
    func number(_ key: String) throws -> Double { try #require(numbers[key]?.number) }
    let steps = try #require(numbers["steps"]?.integer)
    let values = try model.values(of: model.facts(3), layer: #require(note("layer").integer)) {
      $0.steps = steps
      $0.learningRate = try! number("learning_rate")
      $0.weightDecay = try! number("weight_decay")
      $0.divergenceWeight = try! number("kl_weight")
      $0.clamp = try! number("\(target)_clamp")
      $0.stop = .loss
      $0.target = target == "rome" ? .value : .hidden
    }
    #expect(try note("contexts").elements?.compactMap(\.text) == model.contexts.map(\.text))

    let losses = try reference.matrix("\(target).losses")
    for (row, value) in values.enumerated() {
      // Steps after a fact is learned are no numbers in the reference.
      let wanted = losses.row(row).filter { !$0.isNaN }
      #expect(value.losses.count == wanted.count)
      #expect(relativeError(value.losses, wanted.map { Float($0) }) < Self.lossTolerance, "fact \(row)")
      for (found, part) in [(value.start, "starts"), (value.value, "values")] {
        let wanted = try reference.matrix("\(target).\(part)").row(row).map { Float($0) }
        #expect(relativeError(found, wanted) < Self.valueTolerance, "\(part) of fact \(row)")
      }
    }
  }
}
