import Editing
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Evaluation

/// Evaluations in parts: what is merged is what one run writes.
struct PartsTests {
  let folder: TemporaryFolder
  let network: Network
  let tokenizer: Tokenizer
  let records: [FactRecord]

  init() throws {
    folder = try TemporaryFolder()
    let file = try ModelFile(EvaluationTests.model)
    network = try Network(file, threads: 1)
    tokenizer = try Tokenizer(of: file)
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: 6).records
  }

  private func part(_ number: Int, _ count: Int) -> Corpus.Shard { Corpus.Shard(number, of: count)! }

  /// Two networks are asked in chunks of a record or two, and one more where each record's network is edited for it.
  @discardableResult
  private func evaluate(
    _ name: String, _ part: Corpus.Shard? = nil, asking options: [String] = [], edits: Bool = true
  ) throws -> Int {
    var settings = EvaluationSettings()
    settings.chunk = 120
    var series = EvaluationSeries(records: records, tokenizer: tokenizer, settings: settings)
    series.tasks.choices = try MultipleChoice(PackageFiles.path("Fixtures/evaluation/choices.jsonl"))
    if let part {
      try series.openPart(part, at: folder.path(name), asking: options)
    } else {
      series.results = try ResultsFile(folder.path(name))
    }
    let network = network
    try series.run("base", parts: [.init(records: 0..<6, identity: "base") { network }])
    try series.run(
      "context", parts: [.init(records: 0..<6, identity: "base") { network }], demonstrating: true)
    // The same network once more writes nothing.
    try series.run("again", parts: [.init(records: 0..<6, identity: "base") { network }])
    if edits { try compare(&series, name) }
    return try part == nil ? 0 : series.finishPart()
  }

  private func compare(_ series: inout EvaluationSeries, _ name: String) throws {
    var plan = EditPlan(EditRecipe(for: .rome, configuration: network.configuration))
    plan.recipe.layers = [1]
    plan.recipe.values.steps = 2
    plan.contexts = try ContextTemplate.read(PackageFiles.path("Fixtures/world/contexts.json"))
    let statistics = try StatisticsFile(
      PackageFiles.path("Fixtures/reference/tiny-gpt2.statistics.safetensors"))
    var comparison = MethodComparison(network: network, statistics: statistics, scratch: folder.path(name))
    try comparison.compare(plan, [.batches(of: 1), .sequence(2, batch: 1)], in: &series) { _, _ in }
    comparison.finish()
  }

  /// The lines of a file, without what edits took.
  private func lines(_ name: String) throws -> [JSONValue] {
    try folder.read(name).split(separator: 0x0A).map { line in
      let value = try JSONValue(parsing: Array(line))
      return .object((value.members ?? []).filter { $0.key != "edit" })
    }
  }

  @Test func `merged parts are what one run writes`() throws {
    try evaluate("one")
    let counts = try (1...3).map { try evaluate("part-\($0)", part($0, 3)) }
    #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
    let paths = (1...3).map { folder.path("part-\($0)") }
    let count = try ResultsFile.merge(paths, to: folder.path("merged"))
    #expect(count == counts.reduce(0, +))
    try ResultsFile.merge(paths.reversed(), to: folder.path("other"))
    #expect(try folder.read("merged") == folder.read("other"))
    #expect(try lines("merged") == lines("one"))
  }

  @Test func `a part that was cut off goes on to the same bytes`() throws {
    try evaluate("whole", part(1, 2), edits: false)
    let bytes = try folder.read("whole")
    let ends = bytes.indices.filter { bytes[$0] == 0x0A }
    for end in [ends[1], ends[4] + 20] {
      try folder.write(Array(bytes[...end]), to: "cut")
      #expect(
        throws: PartsError.unfinishedPart(
          file: folder.path("cut"), done: end == ends[1] ? "1 answers" : "4 answers")
      ) {
        try ResultsFile.merge([folder.path("cut")], to: folder.path("merged"))
      }
      try evaluate("cut", part(1, 2), edits: false)
      #expect(try folder.read("cut") == bytes)
    }
  }

  @Test func `parts that make no whole are refused`() throws {
    for number in [1, 3] { try evaluate("part-\(number)", part(number, 3), edits: false) }
    try evaluate("other", part(2, 3), asking: ["more"], edits: false)
    try evaluate("half", part(2, 2), edits: false)
    func merge(_ names: String..., isPartial: Bool = false) throws {
      try ResultsFile.merge(names.map(folder.path), to: folder.path("merged"), isPartial: isPartial)
    }
    let (one, three) = (folder.path("part-1"), folder.path("part-3"))
    let whole = "the evaluation"
    #expect(throws: PartsError.missingParts(whole: whole, missing: [2], count: 3)) {
      try merge("part-3", "part-1")
    }
    #expect(
      throws: PartsError.repeatedPart(first: one, second: one, whole: whole + ", part 1 of 3")
    ) { try merge("part-1", "part-1") }
    #expect(throws: PartsError.ofOtherWork(first: one, second: folder.path("other"))) {
      try merge("part-1", "other", "part-3")
    }
    #expect(throws: PartsError.differentParts(first: one, second: folder.path("half"), whole: whole)) {
      try merge("part-1", "half")
    }
    #expect(throws: EvaluationError.partOfResults(file: one, part: 1, count: 3)) { try evaluate("part-1") }
    #expect(throws: PartsError.ofOtherWork(first: three, second: "this run")) {
      try evaluate("part-3", part(1, 3))
    }
    #expect(try !Folder.names(in: folder.path).contains("merged"))
    // What is missing is asked when it is used.
    try merge("part-1", "part-3", isPartial: true)
    try evaluate("one", edits: false)
    try evaluate("merged", edits: false)
    #expect(
      try Set(lines("merged").map(\.compactText)) == Set(lines("one").map(\.compactText)))
    #expect(throws: PartsError.noPart(file: folder.path("one"))) { try merge("one") }
    #expect(throws: PartsError.noPart(file: folder.path("one"))) { try evaluate("one", part(1, 3)) }
  }

  @Test func `a damaged part is refused`() throws {
    try evaluate("part", part(1, 1), edits: false)
    let lines = try folder.read("part").split(separator: 0x0A).map { Array($0) }
    func expect(_ changed: [[UInt8]], line: Int) throws {
      let path = folder.path("bad")
      try folder.write(Array((changed + [[]]).joined(separator: [0x0A])), to: "bad")
      #expect(throws: EvaluationError.badResults(file: path, line: line)) {
        try ResultsFile.merge([path], to: folder.path("merged"))
      }
    }
    // A line that is gone, one that is there twice, and one behind the end.
    try expect(lines.enumerated().filter { $0.offset != 2 }.map(\.element), line: 3)
    try expect(Array(lines[..<3]) + [lines[2]] + lines[3...], line: 4)
    try expect(lines + [lines[1]], line: lines.count + 1)
    // Numbers that nothing can be added to.
    func changed(_ line: Int, _ old: String, _ new: String) -> [[UInt8]] {
      var changed = lines
      changed[line] = Array(String(decoding: lines[line], as: UTF8.self).replacing(old, with: new).utf8)
      return changed
    }
    try expect(changed(1, #""place":0"#, #""place":9223372036854775807"#), line: 2)
    let edit = Array(
      #"{"run":"r","label":"l","record":"edit","id":"edit","probes":[],"edit":{"facts":9223372036854775807,"seconds":1,"norms":{}}}"#
        .utf8)
    try expect(lines[..<1] + [edit] + lines[1...], line: 2)
    // The last of the answers is gone.
    try expect(Array(lines.dropLast(2)) + [lines.last!], line: lines.count - 1)
  }
}
