import Editing
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Evaluation

struct ComparisonTests {
  let folder: TemporaryFolder
  let network: Network
  let tokenizer: Tokenizer
  let records: [FactRecord]

  init() throws {
    folder = try TemporaryFolder()
    let file = try ModelFile(EvaluationTests.model)
    // With one thread, because BLAS has one setting for the whole process, and other tests compare bits.
    network = try Network(file, threads: 1)
    tokenizer = try Tokenizer(of: file)
    records = try FactsFile(PackageFiles.path("Fixtures/world/facts.json")).limited(to: 3).records
  }

  private func plan(_ method: EditMethod) throws -> EditPlan {
    var plan = EditPlan(EditRecipe(for: method, configuration: network.configuration))
    plan.recipe.layers = [1]
    plan.recipe.values.steps = 6
    plan.contexts = try ContextTemplate.read(PackageFiles.path("Fixtures/world/contexts.json"))
    return plan
  }

  /// Two methods in two ways each.
  private func compare(_ results: String?) throws -> [ComparedRun] {
    var series = EvaluationSeries(records: records, tokenizer: tokenizer, settings: EvaluationSettings())
    series.results = try results.map { try ResultsFile($0) }
    try series.run("base", parts: [.init(records: 0..<3, identity: "base") { network }])
    var comparison = MethodComparison(
      network: network,
      statistics: try StatisticsFile(
        PackageFiles.path("Fixtures/reference/tiny-gpt2.statistics.safetensors")),
      scratch: results ?? folder.path("scratch"))
    comparison.keepsValues = results != nil
    for method in [EditMethod.memit, .ultraedit] {
      try comparison.compare(
        plan(method), [.batches(of: 1), .batches(of: 2), .sequence(3, batch: 2)], in: &series
      ) { _, _ in }
    }
    comparison.finish()
    return comparison.compared
  }

  private func expectSame(_ found: [ComparedRun], _ wanted: [ComparedRun], _ comment: String) {
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) {
      #expect(a.method == b.method && a.way == b.way)
      for (own, other) in zip(a.run?.answers ?? [], b.run?.answers ?? []) {
        #expect(own.probes.map(\.said) == other.probes.map(\.said), "\(comment)")
        for (x, y) in zip(own.probes, other.probes) {
          // Asked about in other company, the last bits differ.
          #expect(abs((x.logProbability ?? 0) - (y.logProbability ?? 0)) < 1e-4, "\(comment)")
        }
      }
      #expect(a.norms.map(\.weight) == b.norms.map(\.weight))
      for (x, y) in zip(a.norms, b.norms) {
        #expect(abs(x.relativeNorm - y.relativeNorm) < 1e-9, "\(comment)")
      }
      #expect(a.secondsPerEdit != nil, "\(comment)")
    }
  }

  @Test func `a run that goes on tells of the edits made before as an undisturbed one does`() throws {
    let path = folder.path("results.jsonl")
    let whole = try compare(path)
    for row in whole {
      #expect(row.run?.answers.count == 3 && row.norms.map(\.weight) == ["transformer.h.1.mlp.c_proj.weight"])
      #expect(row.secondsPerEdit ?? 0 > 0 && row.norms[0].relativeNorm > 0)
      #expect(row.patchBytesPerEdit ?? 0 > 100 && row.peakMemory ?? 0 > 1 << 20)
    }
    // Nothing is asked and nothing edited: seconds are those recorded, to the last bit.
    let again = try compare(path)
    expectSame(again, whole, "again")
    #expect(again.map(\.secondsPerEdit) == whole.map(\.secondsPerEdit))
    #expect(again.map(\.patchBytesPerEdit) == whole.map(\.patchBytesPerEdit))
    #expect(again.map(\.peakMemory) == whole.map(\.peakMemory))
    #expect(again.allSatisfy { $0.run?.cost.asked == 0 && $0.run?.cost["editing"] == nil })

    // A kill after any line, or within it; with the values at hand, or lost as well.
    let bytes = try FileBytes.read(path)
    let ends = bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    // The base's 3, the two methods' 3 + 2 + 1 edits and 9 answers, and a line about memit's values.
    #expect(ends.count == 3 + 2 * (6 + 9) + 1)
    for (index, end) in ends.enumerated() where index % 5 == 2 {
      let cut = folder.path("cut.jsonl")
      try folder.write(Array(bytes[..<min(end + index % 3 * 9, bytes.count)]), to: "cut.jsonl")
      let resumed = try compare(cut)
      expectSame(resumed, whole, "cut after line \(index + 1)")
      #expect(try FileBytes.read(cut).count { $0 == 0x0A } == ends.count)
      for name in try Folder.names(in: folder.path) where name.hasPrefix("cut.jsonl") {
        Folder.remove(folder.path(name))
      }
    }
    // The last answer alone is missing: its network is made again, and what that takes is not what is told.
    try folder.write(Array(bytes[..<ends[ends.count - 2]]), to: "last.jsonl")
    #expect(try compare(folder.path("last.jsonl")).map(\.secondsPerEdit) == whole.map(\.secondsPerEdit))
  }

  @Test func `without a file of results nothing is left behind`() throws {
    for row in try compare(nil) { #expect(row.secondsPerEdit != nil && !row.norms.isEmpty) }
    #expect(try Folder.names(in: folder.path).isEmpty)
  }

  @Test func `a file of before edits were recorded says nothing of them`() throws {
    let path = folder.path("old.jsonl")
    _ = try compare(path)
    let lines = try FileBytes.read(path).split(separator: 0x0A)
    let old = lines.filter { !String(decoding: $0, as: UTF8.self).contains(#""edit":{"facts""#) }
    try folder.write(Array(old.joined(separator: [0x0A])) + [0x0A], to: "old.jsonl")
    for row in try compare(path) { #expect(row.norms.isEmpty && row.secondsPerEdit == nil && row.run != nil) }
  }

  @Test(arguments: [#"-1"#, #"9223372036854775807"#, #""many""#])
  func `sizes that cannot be added up say nothing, and the rest stays`(size: String) throws {
    let line =
      #"{"facts":3,"seconds":1.5,"norms":{"w":0.5},"peakMemory":\#(size),"patch":\#(size)}"#
    let edit = try #require(MadeEdit(JSONValue(parsing: Array(line.utf8))))
    #expect(edit.peakMemory == nil && edit.patchByteCount == nil && edit.norms == ["w": 0.5])
    var row = ComparedRun(method: "memit", way: .batches(of: 3), run: nil)
    row.take([edit, edit], values: nil)
    #expect(row.patchBytesPerEdit == nil && row.peakMemory == nil && row.secondsPerEdit == 0.5)
  }

  /// A method that leaves the weights alone is a row like another: facts speak to their own prompts, and neighbors answer as the base.
  @Test func `memories are compared beside edits`() throws {
    var series = EvaluationSeries(records: records, tokenizer: tokenizer, settings: EvaluationSettings())
    try series.run("base", parts: [.init(records: 0..<3, identity: "base") { network }])
    var comparison = MethodComparison(network: network, statistics: nil, scratch: folder.path("scratch"))
    try comparison.compare(.memprompt, [.batches(of: 2), .sequence(3, batch: 2)], in: &series) { _, _ in }
    let rows = comparison.compared
    #expect(rows.map(\.method) == ["memprompt", "memprompt"])
    for row in rows {
      let run = try #require(row.run)
      #expect(row.secondsPerEdit != nil && row.norms.isEmpty && run.answers.count == 3)
      for (own, base) in zip(run.answers, series.runs[0].answers) {
        // The fact's own prompt is read with a note before it; what is far from it stays as it was.
        #expect(own.probes[0].logProbability != base.probes[0].logProbability)
        let (last, former) = (own.probes.last?.logProbability ?? 0, base.probes.last?.logProbability ?? 1)
        #expect(abs(last - former) < 1e-4)
      }
    }
    #expect(throws: EditError.self) {
      try comparison.compare(.seracSelf, [.batches(of: 1)], in: &series) { _, _ in }
    }
    #expect(try Folder.names(in: folder.path).isEmpty)
  }
}
