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

  @Test(arguments: FixtureModel.names) func `parts put together are what one run writes, byte for byte`(
    name: String
  ) throws {
    let model = try FixtureModel(name)
    var run = try model.run(facts: 7)
    run.batchRows = 1
    // Two facts a batch, so that batches are not facts.
    let texts = try run.begin().problems
    run.batchRows = texts.map(\.rowCount).max()! * 2
    try run.write("patch", in: folder, saveValues: "whole")
    _ = try run.writeValues(to: folder.path("values"), part: nil)
    #expect(try folder.read("values") == folder.read("whole"))
    for count in [2, 3, 9] {
      let paths = (1...count).map { folder.path("part \($0) of \(count)") }
      for (index, path) in paths.enumerated().reversed() {
        _ = try run.writeValues(to: path, part: Corpus.Shard(index + 1, of: count))
      }
      for order in [Array(paths), paths.reversed()] {
        #expect(try ValuesFile.merge(order.map { try ValuesFile($0) }, to: folder.path("merged")) == 7)
        #expect(try folder.read("merged") == folder.read("whole"), "\(count) parts")
      }
    }
    run.knownValues = [try ValuesFile(folder.path("merged"))]
    var stages: [Edit.Stage] = []
    try run.write(to: folder.path("again"), tool: "test") { stages.append($0) }
    #expect(try folder.read("again") == folder.read("patch"))
    #expect(!stages.contains { if case .values = $0 { true } else { false } }, "nothing was optimized")
  }

  @Test func `parts that are missing, there twice, unfinished or of something else are refused`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 4)
    run.batchRows = 1
    let parts = try (1...3).map { number in
      let path = folder.path("\(number)")
      _ = try run.writeValues(to: path, part: Corpus.Shard(number, of: 3))
      return try ValuesFile(path)
    }
    func error(_ files: [ValuesFile], isPartial: Bool = false) -> (any Error)? {
      do { try ValuesFile.merge(files, to: folder.path("all"), isPartial: isPartial) } catch { return error }
      return nil
    }
    func expect(_ wanted: PartsError, _ files: [ValuesFile], isPartial: Bool = false) {
      #expect(error(files, isPartial: isPartial) as? PartsError == wanted)
    }
    expect(.missingParts(whole: "the values", missing: [2], count: 3), [parts[0], parts[2]])
    expect(
      .repeatedPart(first: parts[0].path, second: parts[0].path, whole: "the values, part 1 of 3"),
      [parts[0], parts[1], parts[0]], isPartial: true)
    #expect(try ValuesFile.merge([parts[2], parts[0]], to: folder.path("some"), isPartial: true) == 3)
    expect(.noPart(file: folder.path("some")), [try ValuesFile(folder.path("some"))])
    _ = try run.writeValues(to: folder.path("half"), part: Corpus.Shard(2, of: 2))
    let half = try ValuesFile(folder.path("half"))
    expect(.differentParts(first: parts[0].path, second: half.path, whole: "the values"), [parts[0], half])
    // Other facts, other settings, another model.
    var others = try model.run(facts: 5)
    _ = try others.writeValues(to: folder.path("others"), part: Corpus.Shard(2, of: 3))
    let other = try ValuesFile(folder.path("others"))
    expect(.ofOtherWork(first: parts[0].path, second: other.path), [parts[0], other, parts[2]])
    others = run
    others.plan.recipe.values.clamp = 2
    _ = try others.writeValues(to: folder.path("clamped"), part: Corpus.Shard(2, of: 3))
    guard
      case .otherValues(_, let difference?)? = try error(
        [parts[0], ValuesFile(folder.path("clamped")), parts[2]]) as? EditError
    else {
      Issue.record("values of another clamp were taken")
      return
    }
    #expect(difference.key == "clamp")
  }

  @Test func `a run that is told to stop saves what it has, and goes on to the same bytes`() throws {
    let model = try FixtureModel("tiny-llama")
    var run = try model.run(facts: 5)
    run.batchRows = 1
    let part = Corpus.Shard(1, of: 2)
    _ = try run.writeValues(to: folder.path("whole"), part: part)
    var saving = Edit.ValuesSaving()
    saving.isStopping = { true }
    for done in 1...2 {
      #expect(
        throws: PartsError.stopped(file: folder.path("values"), done: "\(done) of 3 values")
      ) { _ = try run.writeValues(to: folder.path("values"), part: part, saving: saving) }
      let left = try ValuesFile(folder.path("values"))
      #expect(!left.isFinished)
      #expect(
        throws: PartsError.unfinishedPart(file: left.path, done: "\(done) values")
      ) { try ValuesFile.merge([left], to: folder.path("merged")) }
      // Only the next batch is found, and only for this part of these facts.
      #expect(throws: PartsError.ofOtherWork(first: left.path, second: "this run")) {
        _ = try run.writeValues(to: left.path, part: Corpus.Shard(2, of: 2))
      }
    }
    #expect(try run.writeValues(to: folder.path("values"), part: part).resumed == 2)
    #expect(try folder.read("values") == folder.read("whole"))
    // Finished already: nothing is left to do.
    #expect(try run.writeValues(to: folder.path("values"), part: part).resumed == 3)
    #expect(try folder.read("values") == folder.read("whole"))
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
    losses: [Int] = [2, 2], states: [Int] = [2, 3], facts: String = "[[], []]", part: String? = nil
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
      ], metadata: [("facts", facts)] + (part.map { [("part", $0)] } ?? []), to: folder.path("made"))
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

  @Test(arguments: [
    "", #""groups": [0, 1], "of": -1"#, #""groups": [0, 1], "of": 1"#, #""groups": [1, 1], "of": 2"#,
    #""groups": [0], "of": 2"#, #""groups": [0, 1], "of": 2, "number": 0, "count": 2"#,
    #""groups": [0, 1], "of": 2, "number": 1, "count": 9223372036854775807"#,
  ]) func `a note that tells of no part is refused`(members: String) throws {
    let note = "{" + members + (members.isEmpty ? "" : ", ") + #""facts": "f", "finished": true}"#
    #expect(throws: EditError.badNote(file: folder.path("made"), key: "part", detail: nil)) {
      try write(part: note)
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
