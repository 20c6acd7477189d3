import LinearAlgebra
import ModelFiles
import TestSupport
import Transformer

@testable import Editing

/// One of the tiny models of `Fixtures/models`, ready to run, with the world's facts and contexts.
struct FixtureModel: Sendable {
  static let names = ["tiny-gpt2", "tiny-llama"]

  let name: String
  let network: Network
  let tokenizer: Tokenizer
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }
  let contexts: [ContextTemplate]
  let records: [FactRecord]

  init(_ name: String, threads: Int = 2) throws {
    // The network spreads its own work over its threads.
    let model = try ModelFile(PackageFiles.path("Fixtures/models/\(name)"))
    self.name = name
    network = try Network(model, threads: threads)
    tokenizer = try Tokenizer(of: model)
    contexts = try ContextTemplate.read(PackageFiles.path("Fixtures/world/contexts.json"))
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).records
  }

  var isGPT2: Bool { name == "tiny-gpt2" }
  /// λ of the reference edits.
  var secondMomentWeight: Double { isGPT2 ? 100 : 20 }

  /// The statistics by the reference program, layers 1 and 2.
  func statistics() throws -> StatisticsFile {
    try StatisticsFile(PackageFiles.path("Fixtures/reference/\(name).statistics.safetensors"))
  }

  /// Problems of some facts, one each.
  func problems(_ facts: [Fact]) throws -> [ValueProblem] {
    try GroupedFacts(facts).groups.map { try ValueProblem($0, contexts: contexts, encoder: encoder) }
  }

  /// The first facts of the world.
  func facts(_ count: Int) -> [Fact] { records.prefix(count).map(\.fact) }

  /// Optimizes with settings that let every value move.
  func values(
    of facts: [Fact], layer: Int = 2, _ change: (inout ValueSettings) -> Void = { _ in }
  ) throws -> [FactValue] {
    var settings = ValueSettings()
    settings.steps = 4
    settings.learningRate = isGPT2 ? 0.1 : 0.5
    settings.stop = .never
    settings.keepsLast = true
    change(&settings)
    return try ValueOptimization(network: network, layer: layer, settings: settings).values(
      of: problems(facts))
  }
}

/// The largest difference, as a share of the largest wanted magnitude.
func relativeError(_ found: [Float], _ wanted: [Float]) -> Double {
  precondition(found.count == wanted.count, "numbers of one count: \(found.count) and \(wanted.count)")
  let scale = wanted.reduce(0) { max($0, $1.magnitude) }
  let difference = zip(found, wanted).reduce(Float(0)) { max($0, ($1.0 - $1.1).magnitude) }
  return difference.isNaN ? .infinity : Double(difference / max(scale, .leastNormalMagnitude))
}
