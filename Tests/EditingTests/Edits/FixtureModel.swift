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

  /// - Parameter path: of a changed copy.
  init(_ name: String, at path: String? = nil, threads: Int = 2) throws {
    let model = try ModelFile(path ?? PackageFiles.path("Fixtures/models/\(name)"))
    self.name = name
    network = try Network(model, threads: threads)
    tokenizer = try Tokenizer(of: model)
    contexts = try ContextTemplate.read(PackageFiles.path("Fixtures/world/contexts.json"))
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).records
  }

  /// The model with other weights, or its weights in another type, as a copy in a folder.
  func changed(
    in folder: TemporaryFolder, type: ElementType = .f32,
    _ change: (_ name: String, _ elements: inout [Float]) -> Void = { _, _ in }
  ) throws -> FixtureModel {
    let model = network.model
    for file in ["config.json", "tokenizer.json"] {
      try folder.write(FileBytes.read(Folder.path(model.folder, file)), to: file)
    }
    let tensors = try model.tensors.map { tensor in
      let bytes = try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
      var elements = tensor.elementType.decoded(bytes)
      change(tensor.name, &elements)
      let encoded = try type.encoded(elements)
      return NewTensor(name: tensor.name, elementType: type, shape: tensor.shape, elements: encoded)
    }
    try SafetensorsWriter.write(tensors, to: folder.path("model.safetensors"))
    return try FixtureModel(name, at: folder.path, threads: network.threads)
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
