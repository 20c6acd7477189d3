import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct EditedNetworkTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The weights of the edited layers, as a patch makes them and as they are in memory.
  private func expectSame(_ run: Edit, metrics: MetricCache? = nil) throws {
    let report = try run.write("patch", in: folder)
    let file = try PatchFile(folder.path("patch"))
    let patch = try PatchRun(file, run.network.model, threads: 2)
    var shared = run
    shared.metrics = metrics
    let edited = try shared.edited()
    for (tensor, bytes) in try patch.tensors(.apply) {
      let isSame = edited.network.overlay[tensor] == bytes
      #expect(isSame, "\(run.plan.method): \(tensor)")
    }
    // What a patch would weigh, without writing what it says of its facts.
    let size = try edited.patchByteCount(scratch: folder.path("scratch"))
    let told = file.manifest["edit"]?.compactText.utf8.count ?? 0
    #expect(size < file.byteCount && file.byteCount - size < told + 64, "\(run.plan.method)")
    #expect(try !Folder.fileExists(folder.path("scratch")))
    #expect(edited.norms.map(\.weight) == report.card.weights.map(\.name))
    for ((_, norm), weight) in zip(edited.norms, report.card.weights) {
      // Squares are added up in another order; those of a trained weight's change are single numbers in the patch's measure.
      #expect(abs(norm - weight.relativeNorm) < (run.plan.method.hasClosedForm ? 1e-12 : 1e-7) * norm)
    }
  }

  @Test(arguments: FixtureModel.names, EditMethod.allCases)
  func `in memory the weights are those of the applied patch`(name: String, method: EditMethod) throws {
    try expectSame(try FixtureModel(name).run(method, facts: method == .rome ? 1 : 3))
  }

  @Test(arguments: ["q8_0", "q4_k"], [EditMethod.memit, .ultraedit, .ftl])
  func `codes of quantized weights are those of the applied patch`(type: String, method: EditMethod) throws {
    let path = PackageFiles.path("Fixtures/models/tiny-llama-\(type).gguf")
    var run = try FixtureModel("tiny-llama", at: path).run(method, facts: 2)
    run.statistics = nil
    run.plan.recipe.update.usesSecondMoment = false
    // In memory nothing is asked that could lead to another type.
    run.plan.promotion = .keep
    #expect(run.plan.rounding == .aware)
    try expectSame(run)
    let patch = try PatchFile(folder.path("patch"))
    #expect(patch.changes.allSatisfy { $0.elementType.hasCodes && $0.baseDigest != $0.resultDigest })
    #expect(patch.changes.allSatisfy { $0.lowRank?.isAware ?? !method.hasClosedForm })
  }

  /// A run of the first so many records, two at a time, each batch on what is there by then.
  private func sequence(
    _ model: FixtureModel, _ method: EditMethod, _ records: [FactRecord], batch: Int = 2
  ) throws -> Edit {
    let one = try model.run(method, facts: 1)
    var run = try Edit(
      network: one.network, tokenizer: one.tokenizer, records: records, statistics: one.statistics,
      plan: one.plan)
    run.aids = one.aids
    run.plan.sequence = .accumulate(batch: method.sequenceBatch ?? batch)
    return run
  }

  private func bits(_ edited: EditedNetwork) -> [[UInt8]?] {
    edited.norms.map { edited.network.overlay[$0.weight] }
  }

  @Test(arguments: [EditMethod.memit, .alphaedit, .rome, .ultraedit, .ftl, .caliNet, .tPatcher])
  func `a longer sequence goes on from a shorter one, to the same bits`(method: EditMethod) throws {
    let model = try FixtureModel("tiny-gpt2")
    let first = try sequence(model, method, Array(model.records.prefix(2))).edited()
    let longer = try sequence(model, method, Array(model.records.prefix(4)))
    let whole = try longer.edited()
    let further = try longer.edited(after: first)
    #expect(!first.goesOn && !whole.goesOn && further.goesOn)
    #expect(bits(further) == bits(whole))
    for (a, b) in zip(further.norms, whole.norms) {
      #expect(a.weight == b.weight && abs(a.relativeNorm - b.relativeNorm) < 1e-12)
    }
    #expect(bits(further) != bits(first))
    // Nothing is left to do.
    let same = try longer.edited(after: further)
    #expect(same.goesOn && bits(same) == bits(whole))
  }

  @Test func `a sequence whose beginning is another is made from its own`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let records = Array(model.records.prefix(4))
    let first = try sequence(model, .memit, Array(records.prefix(3)), batch: 2).edited()
    // The third fact was a batch alone, and is edited with the fourth here.
    let longer = try sequence(model, .memit, records)
    let edited = try longer.edited(after: first)
    let whole = try longer.edited()
    #expect(!edited.goesOn && bits(edited) == bits(whole))
    // A later fact with the first one's key is edited with it.
    let line = #"{"prompt": "{} lives on the hill of", "subject": "Hanno Hale", "target": "Pellsund"}"#
    try folder.write(Array(line.utf8), to: "other.jsonl")
    let other = try FactsFile(folder.path("other.jsonl"))
    let two = try sequence(model, .memit, Array(records.prefix(2))).edited()
    #expect(records[0].fact.textThroughSubject == other.records[0].fact.textThroughSubject)
    #expect(try !sequence(model, .memit, records + other.records).edited(after: two).goesOn)
    #expect(try sequence(model, .memit, records).edited(after: two).goesOn)
  }

  @Test(arguments: [EditMethod.memit, .emmet, .alphaedit, .rome])
  func `metrics made before change nothing`(method: EditMethod) throws {
    let model = try FixtureModel("tiny-gpt2")
    let cache = MetricCache()
    var run = try model.run(method, facts: 4)
    run.plan.sequence = .accumulate(batch: method == .rome ? 1 : 2)
    try expectSame(run, metrics: cache)
    #expect(cache.count == run.plan.recipe.layers.count)
    try expectSame(try model.run(method, facts: 1), metrics: cache)
    #expect(cache.count == run.plan.recipe.layers.count)
  }
}

@Suite struct MetricCacheTests {
  private func made(_ width: Int) -> MetricCache.Made {
    .init(metric: IdentityMetric(inputWidth: width), preservationScale: Double(width))
  }

  @Test func `a metric is made once for a weight and a kind`() {
    let cache = MetricCache()
    var calls = 0
    func take(_ weight: String, _ method: EditMethod, _ threshold: NullSpaceThreshold = .absolute(1))
      -> Double?
    {
      var settings = UpdateSettings(method: method)
      settings.nullSpaceThreshold = threshold
      return cache.metric(of: weight, settings) {
        calls += 1
        return made(calls)
      }.preservationScale
    }
    #expect(take("a", .memit) == 1 && take("a", .memit) == 1)
    // λ is no part of the metric, so methods share it.
    #expect(take("a", .emmet) == 1 && take("a", .rome, .absolute(2)) == 1)
    #expect(take("b", .memit) == 2)
    #expect(take("a", .alphaedit) == 3 && take("a", .alphaedit, .absolute(2)) == 4)
    #expect(take("a", .alphaedit) == 3)
    #expect(cache.count == 4)
  }

  @Test func `what is kept is limited, and another kind gives way`() {
    // Two metrics of width 10 take 1600 bytes.
    let cache = MetricCache(byteLimit: 1700)
    func take(_ weight: String, _ method: EditMethod) -> Bool {
      var isNew = false
      _ = cache.metric(of: weight, UpdateSettings(method: method)) {
        isNew = true
        return made(10)
      }
      return isNew
    }
    #expect(take("a", .memit) && take("b", .memit))
    // No room: made anew each time, and the others stay.
    #expect(take("c", .memit) && take("c", .memit))
    #expect(!take("a", .memit) && !take("b", .emmet))
    // Methods come one after the other.
    #expect(take("a", .alphaedit) && !take("a", .alphaedit))
    #expect(cache.count == 1)
    #expect(take("a", .memit))
  }

  @Test func `an error leaves nothing behind`() throws {
    let cache = MetricCache()
    #expect(throws: EditError.noEdits) {
      try cache.metric(of: "a", UpdateSettings(method: .memit)) { throw EditError.noEdits }
    }
    #expect(cache.count == 0)
  }
}
