import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// Parts of a tracing: what they come to together, and what makes no whole.
@Suite struct TracePartTests {
  let folder: TemporaryFolder
  let model: FixtureModel
  let facts: [Fact]

  init() throws {
    folder = try TemporaryFolder()
    model = try FixtureModel("tiny-gpt2")
    let known = model.facts(3)
    let unknown = Fact(
      identifier: "x", prompt: known[0].prompt, subject: known[0].subject, target: known[0].target,
      formerTarget: known[0].target)
    // One that the model does not know, and one twice.
    facts = [known[0], unknown, known[1], known[0], known[2]]
  }

  private func tracing(_ part: Int? = nil, of count: Int = 3, seed: UInt64 = 0) throws -> Tracing {
    var settings = TraceSettings()
    (settings.samples, settings.kinds, settings.seed) = (1, [.mlp], seed)
    var tracing = try Tracing(
      network: model.network, tokenizer: model.tokenizer, settings: settings, scaledBy: facts)
    tracing.part = part.flatMap { Corpus.Shard($0, of: count) }
    return tracing
  }

  private func part(_ number: Int, of count: Int = 3, seed: UInt64 = 0, as name: String? = nil) throws
    -> String
  {
    let path = folder.path(name ?? "part-\(number)")
    _ = try tracing(number, of: count, seed: seed).trace(facts, to: path)
    return path
  }

  @Test func `parts in any order come to the bytes of one run`() throws {
    let whole = folder.path("whole")
    _ = try tracing().trace(facts, to: whole)
    let parts = try [3, 1, 2].map { try part($0) }
    let merged = try TraceFile.merge(parts, to: folder.path("merged"))
    #expect(merged.facts.count == 3 && merged.unknown.count == 1)
    #expect(try FileBytes.read(folder.path("merged")) == FileBytes.read(whole))
    // Nothing is left to be traced.
    #expect(try tracing().trace(facts, to: folder.path("merged")).known == 4)
    // More parts than facts: the last has none.
    let many = try (1...5).map { try part($0, of: 5, as: "of-five-\($0)") }
    _ = try TraceFile.merge(many, to: folder.path("again"))
    #expect(try FileBytes.read(folder.path("again")) == FileBytes.read(whole))
  }

  @Test func `told to end, a run saves and goes on to the same bytes`() throws {
    let whole = folder.path("whole")
    _ = try tracing().trace(facts, to: whole)
    for done in 0...3 {
      let path = folder.path("stopped-\(done)")
      var left = done
      var run = try tracing()
      run.isStopping = {
        left -= 1
        return left < 0
      }
      #expect(throws: PartsError.stopped(file: path, done: "\(done) of 4 facts")) {
        try run.trace(facts, to: path)
      }
      #expect(try tracing().trace(facts, to: path).known == done)
      #expect(try FileBytes.read(path) == FileBytes.read(whole))
    }
  }

  @Test func `missing, repeated, unfinished and foreign parts are refused`() throws {
    let (first, second, third) = (try part(1), try part(2), try part(3))
    let out = folder.path("out")
    func expect(_ paths: [String], _ error: PartsError) {
      #expect(throws: error) { try TraceFile.merge(paths, to: out) }
      #expect(!Folder.fileExists(out))
    }
    expect([first, third], .missingParts(whole: "the tracing", missing: [2], count: 3))
    let copy = folder.path("copy")
    try folder.write(try FileBytes.read(second), to: "copy")
    expect(
      [first, second, copy], .repeatedPart(first: second, second: copy, whole: "the tracing, part 2 of 3"))
    expect(
      [first, try part(2, of: 4, as: "of-four")],
      .differentParts(first: first, second: folder.path("of-four"), whole: "the tracing"))
    expect(
      [first, try part(2, seed: 1, as: "seed")], .ofOtherWork(first: first, second: folder.path("seed")))
    let whole = folder.path("whole")
    _ = try tracing().trace(facts, to: whole)
    expect([whole], .noPart(file: whole))
    var run = try tracing(1)
    var asked = 0
    run.isStopping = {
      asked += 1
      return asked > 1
    }
    let unfinished = folder.path("unfinished")
    #expect(throws: PartsError.self) { try run.trace(facts, to: unfinished) }
    expect([unfinished, second, third], .unfinishedPart(file: unfinished, done: "1 of 2 facts"))
    // What there is, if that is wanted; the rest is traced when it is gone on with.
    #expect(try TraceFile.merge([unfinished, third], to: out, isPartial: true).facts.count == 2)
    #expect(try tracing().trace(facts, to: out).known == 2)
    // A part is gone on with as that part alone.
    #expect(throws: EditError.self) { try tracing(2).trace(facts, to: first) }
    #expect(throws: EditError.self) { try tracing().trace(facts, to: first) }
    #expect(try tracing(1).trace(facts, to: first).known == 2)
  }
}
