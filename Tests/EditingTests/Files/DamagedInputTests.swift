import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Damaged files of every kind that people feed in. The law: an error or a value, never a trap, and no long wait.
@Suite struct DamagedInputTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func fixture(_ name: String) throws -> [UInt8] {
    try FileBytes.read(PackageFiles.path("Fixtures/" + name))
  }

  /// Reads damaged forms of a file; counts those that are refused.
  ///
  /// - Parameter isJSON: whether single values are damaged too, so that what is no syntax fault is reached.
  private func damage(
    _ sample: [UInt8], to name: String, rounds: Int, isJSON: Bool = true, seed: UInt64 = 7,
    _ read: (String) throws -> Void
  ) throws {
    var damage = Damage(seed: seed)
    var files = Damage.prefixes(of: sample)
    for _ in 0..<rounds { files.append(damage.bytes(sample)) }
    if isJSON {
      let value = try JSONValue(parsing: sample)
      for _ in 0..<2 * rounds { files.append(Array(damage.value(value).compactText.utf8)) }
    }
    var refused = 0
    for file in files {
      let path = try folder.write(file, to: name)
      do { try read(path) } catch {
        refused += 1
        let isOurs =
          error is ModelFileError || error is EditError || error is FactsError || error is CorpusError
          || error is TokenizerError || error is NetworkError || error is StatisticsError
          || error is PromptError || error is ConfigurationError
        if !isOurs { Issue.record("\(error) is an error that nobody explains") }
      }
    }
    // Damage that nothing notices would test nothing.
    #expect(refused > files.count / 20, "\(refused) of \(files.count)")
  }

  /// A model folder of links to a fixture's files, all but one.
  private func link(_ model: String, without name: String) throws {
    let source = PackageFiles.path("Fixtures/models/" + model)
    for file in try Folder.names(in: source) where file != name {
      try folder.write(FileBytes.read(Folder.path(source, file)), to: file)
    }
  }

  @Test(.timeLimit(.minutes(20)), arguments: ["tiny-gpt2", "tiny-llama"])
  func `damaged configurations`(model: String) throws {
    try link(model, without: "config.json")
    try damage(Self.fixture("models/\(model)/config.json"), to: "config.json", rounds: 37) { path in
      _ = try NetworkConfiguration(of: ModelFile(Folder.containing(path)))
    }
  }

  @Test(.timeLimit(.minutes(20)), arguments: ["gpt2", "llama2", "llama3"])
  func `damaged tokenizers`(name: String) throws {
    let sample = try Self.fixture("tokenizers/\(name).tokenizer.json")
    try damage(sample, to: "tokenizer.json", rounds: 20) { path in
      let tokenizer = try Tokenizer(json: FileBytes.read(path), file: path)
      let tokens = tokenizer.encode("Ada lives  in\nOslo é 中 1234").tokens
      _ = tokenizer.decode(tokens.map { Int($0) })
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged statistics`() throws {
    let vectors = Vector.all("statistics").filter { $0.rejection == nil }
    for vector in vectors {
      try damage(vector.bytes, to: "s.safetensors", rounds: 100, isJSON: false) { path in
        var file = try StatisticsFile(path)
        for weight in file.weights { _ = try file.secondMoment(of: weight) }
        file.excludesBegin = true
        for weight in file.weights { _ = try file.secondMoment(of: weight) }
      }
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged keys`() throws {
    for vector in Vector.all("keys") where vector.rejection == nil {
      try damage(vector.bytes, to: "k.safetensors", rounds: 100, isJSON: false) { path in
        let file = try KeysFile(path)
        for weight in file.weights { _ = try file.edits(of: weight) }
      }
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged values`() throws {
    var value = FactValue(value: [1, 2, 3], start: [0, 1, 0])
    value.losses = [2, 1]
    let group = FactGroup(subject: "Ada", facts: [.made("{} is", "Ada", "x"), .made("{} was", "Ada", "y")])
    try ValuesFile.write(
      [value], names: [ValuesFile.name(of: group)], width: 3, identity: PlanIdentity([.init("model", "m")]),
      part: ValuesPart(Corpus.Shard(1, of: 2), groups: [0], of: [group]), to: folder.path("sample"))
    try damage(folder.read("sample"), to: "v.safetensors", rounds: 200, isJSON: false) { path in
      _ = try ValuesFile(path).value(of: group, width: 3)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged recipes`() throws {
    let recipe = EditRecipe(for: .memit, family: .named("gpt2"), layerCount: 4, width: 64, keyWidth: 256)
    let sample = """
      {"layers": [1, 2], "steps": 20, "learningRate": 0.5, "divergenceWeight": 0.0625, "weightDecay": 0.5, "clamp": 0.75,
       "stop": "loss", "keep": "best", "target": "hiddenState", "secondMomentWeight": 20, "ridge": 1, "usesSecondMoment": true}
      """
    try damage(Array(sample.utf8), to: "recipe.json", rounds: 100) { path in
      var read = recipe
      try read.read(path)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged contexts`() throws {
    try damage(Self.fixture("world/contexts.json"), to: "contexts.json", rounds: 100) { path in
      _ = try ContextTemplate.read(path)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged indexes`() throws {
    let name = "model.safetensors.index.json"
    try link("tiny-llama", without: name)
    try damage(Self.fixture("models/tiny-llama/\(name)"), to: name, rounds: 37) { path in
      _ = try ModelFile(path)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged facts`() throws {
    for vector in Vector.all("facts") where vector.rejection == nil {
      let isOne = (try? JSONValue(parsing: vector.bytes)) != nil
      try damage(vector.bytes, to: "facts.json", rounds: 20, isJSON: isOne) { path in
        let file = try FactsFile(path)
        let records = try file.skippingBad().limited(to: 5).records
        _ = try GroupedFacts(records.map(\.fact))
        if let error = try? file.checked() { _ = error } else { throw FactsError.noRecords(file: path) }
      }
    }
  }

  @Test(
    .timeLimit(.minutes(20)),
    arguments: [
      "[{\"text\":\"a é\"}, \"b\\n\\\"\", {\"id\":[1,{}],\"text\":\"c\"}]",
      "{\"text\":\"a\"}\n{\"text\":\"b\"}\n",
    ]) func `damaged corpora`(sample: String) throws
  {
    try damage(Array(sample.utf8), to: "corpus", rounds: 150, isJSON: false) { path in
      var reader = Corpus([path]).documents()
      while try reader.next() != nil {}
    }
  }

  @Test(.timeLimit(.minutes(20))) func `damaged archives`() throws {
    let sample = try #require(Vector.all("npz").first { $0.name == "accept-numpy" }).bytes
    try damage(sample, to: "a.npz", rounds: 200, isJSON: false) { path in _ = try NumPyArchive(path) }
  }
}
