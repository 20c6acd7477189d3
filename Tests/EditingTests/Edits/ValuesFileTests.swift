import ModelFiles
import Patches
import TestSupport
import Testing

@testable import Editing

@Suite struct ValuesFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: FixtureModel.names) func `saved values give the same patch, byte for byte`(name: String)
    throws
  {
    let model = try FixtureModel(name)
    var run = try model.run()
    let first = try run.write("first", in: folder, saveValues: "values")
    run.knownValues = [try ValuesFile(folder.path("values"))]
    let second = try run.write("second", in: folder, saveValues: "again")
    #expect(try folder.read("first") == folder.read("second"))
    #expect(try folder.read("values") == folder.read("again"))
    #expect(first.facts.map(\.value.losses) == second.facts.map(\.value.losses))
  }

  @Test(arguments: FixtureModel.names) func `shards of the facts have the values of the whole`(name: String)
    throws
  {
    let model = try FixtureModel(name)
    var run = try model.run(facts: 5)
    let whole = try run.writeValues(to: folder.path("whole"), part: nil)
    var shards: [ValuesFile] = []
    for number in 1...2 {
      let path = folder.path("shard \(number)")
      let count = try run.writeValues(to: path, part: Corpus.Shard(number, of: 2)).count
      #expect(count == (number == 1 ? 3 : 2))
      shards.append(try ValuesFile(path))
    }
    run.knownValues = shards
    var stages: [Edit.Stage] = []
    let report = try run.write(to: folder.path("fix"), tool: "test") { stages.append($0) }
    for (line, value) in zip(report.facts, whole) {
      #expect(relativeError(line.value.value, value.value) < 1e-5)
      #expect(line.value.isClamped == value.isClamped && line.value.isReached == value.isReached)
    }
    #expect(!stages.contains { if case .values = $0 { true } else { false } }, "nothing was optimized")
  }

  @Test func `facts that the file lacks are optimized`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 2)
    _ = try run.writeValues(to: folder.path("values"), part: nil)
    run = try model.run(facts: 3)
    run.knownValues = [try ValuesFile(folder.path("values"))]
    var optimized = 0
    try run.write(to: folder.path("fix"), tool: "test") {
      if case .values(_, let count) = $0 { optimized = count }
    }
    #expect(optimized == 1)
  }

  @Test func `values for other settings, contexts or models are refused`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let run = try model.run(facts: 1)
    let path = folder.path("values")
    _ = try run.writeValues(to: path, part: nil)
    func expect(_ key: String, _ run: Edit) throws {
      var run = run
      run.knownValues = [try ValuesFile(path)]
      let error = #expect(throws: EditError.self) { try run.write("fix", in: folder) }
      guard case .otherValues(path, let difference?) = error else {
        Issue.record("refused as \(String(describing: error))")
        return
      }
      #expect(difference.key == key)
    }
    func changed(_ change: (inout EditPlan) -> Void) throws -> Edit {
      var other = run
      change(&other.plan)
      return other
    }
    try expect("model", try FixtureModel("tiny-llama").run(facts: 1))
    try expect("layer", try model.run(facts: 1, layers: [1]))
    try expect("clamp", changed { $0.recipe.values.clamp = 0.5 })
    try expect("learningRate", changed { $0.recipe.values.learningRate = 0.25 })
    try expect("contexts", changed { $0.contexts = Array(model.contexts.dropLast()) })
    // What changes only how values are stored changes nothing about them.
    var other = try changed { $0.recipe.update.secondMomentWeight = 7 }
    other.knownValues = [try ValuesFile(path)]
    try other.write("fix", in: folder)
  }

  @Test func `values of a sequence are good for the same sequence only, and none of the base's are`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let path = folder.path("values")
    func run(_ facts: Int, _ sequence: EditPlan.Sequence) throws -> Edit {
      var run = try model.run(facts: facts)
      run.plan.sequence = sequence
      return run
    }
    func expectRefused(_ saved: Edit, _ used: Edit) throws {
      try saved.write("saved", in: folder, saveValues: "values")
      var used = used
      used.knownValues = [try ValuesFile(path)]
      let error = #expect(throws: EditError.self) { try used.write("used", in: folder) }
      guard case .otherValues = error else {
        Issue.record("refused as \(String(describing: error))")
        return
      }
    }
    try expectRefused(run(3, .accumulate(batch: 1)), run(3, .resolve))
    try expectRefused(run(3, .resolve), run(3, .accumulate(batch: 1)))
    try expectRefused(run(3, .accumulate(batch: 1)), run(3, .accumulate(batch: 2)))
    // Another fact before them: later values were found on another network.
    try expectRefused(run(3, .accumulate(batch: 1)), run(4, .accumulate(batch: 1)))
    var same = try run(3, .accumulate(batch: 1))
    let first = try same.write("first", in: folder, saveValues: "values")
    same.knownValues = [try ValuesFile(path)]
    try same.write("second", in: folder)
    #expect(try folder.read("first") == folder.read("second") && first.facts.count == 3)
  }

  private func write(
    _ values: [Float] = [1, 2, 3, 4], shape: [Int] = [2, 2], starts: [Float] = [1, 1, 1, 1],
    losses: [Int] = [2, 2], states: [Int] = [2, 3], facts: String = "[[], []]"
  ) throws -> ValuesFile {
    try SafetensorsWriter.write(
      [
        NewTensor(name: "values", elementType: .f32, shape: shape, elements: values),
        NewTensor(name: "starts", elementType: .f32, shape: [starts.count / 2, 2], elements: starts),
        NewTensor(
          name: "losses", elementType: .f32, shape: losses,
          elements: [Float](repeating: .nan, count: losses.reduce(1, *))),
        NewTensor(
          name: "states", elementType: .f64, shape: states,
          elements: [Double](repeating: 1, count: states.reduce(1, *))),
      ], metadata: [("facts", facts)], to: folder.path("made"))
    return try ValuesFile(folder.path("made"))
  }

  @Test func `what does not fit together is refused`() throws {
    #expect(try write().identity == nil)
    func expect(_ tensor: String, _ body: () throws -> ValuesFile) {
      let error = #expect(throws: ModelFileError.self) { try body() }
      #expect(error?.tensor == tensor)
    }
    expect("values") { try write(facts: "[[]]") }
    for note in ["no list", "{}", "[[], []"] {
      let error = #expect(throws: EditError.self) { try write(facts: note) }
      guard case .badNote(_, key: "facts", detail: _?) = error else {
        Issue.record("refused as \(String(describing: error))")
        continue
      }
    }
    expect("values") { try write(shape: [4]) }
    expect("starts") { try write(starts: [1, 1]) }
    expect("losses") { try write(losses: [1, 4]) }
    expect("states") { try write(states: [2, 1]) }
    expect("values") { try write([1, 2, .nan, 4]) }
    expect("starts") { try write(starts: [1, 2, .infinity, 4]) }
    #expect(throws: (any Error).self) {
      try ValuesFile(PackageFiles.path("Fixtures/reference/solver.safetensors"))
    }
  }

  @Test func `a value is found by prompt, subject and target of all facts of its group`() throws {
    let facts = #"[[["{} is", "a | b", "c"]], [["{} is", "a", "b"], ["{} has", "a", "b"]]]"#
    let file = try write(facts: facts)
    func value(_ facts: [(String, String, String)], width: Int = 2) -> [Float]? {
      let facts = facts.map { Fact(identifier: "", prompt: $0.0, subject: $0.1, target: $0.2) }
      return file.value(of: FactGroup(subject: "", facts: facts), width: width)?.value
    }
    #expect(value([("{} is", "a | b", "c")]) == [1, 2])
    #expect(value([("{} is", "a", "b | c")]) == nil)
    #expect(value([("{} is", "a", "b"), ("{} has", "a", "b")]) == [3, 4])
    #expect(value([("{} is", "a", "b")]) == nil)
    #expect(value([("{} is", "a | b", "c")], width: 3) == nil)
  }
}
