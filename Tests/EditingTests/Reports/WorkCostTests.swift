import ModelFiles
import Patches
import TestSupport
import Testing

@testable import Editing

@Suite struct WorkCostTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func use(_ seconds: Double, _ processor: Double, _ memory: Int) -> ProcessUse {
    ProcessUse(seconds: seconds, processorSeconds: processor, peakMemory: memory)
  }

  @Test func `a phase with several turns stands once, with their sum`() {
    var phases: [PhaseCost] = []
    phases.add("keys", from: Self.use(1, 2, 10), to: Self.use(2, 5, 20))
    phases.add("solving", from: Self.use(2, 5, 20), to: Self.use(4, 6, 30))
    phases.add("keys", from: Self.use(4, 6, 30), to: Self.use(4.5, 7, 40))
    #expect(
      phases == [
        PhaseCost(name: "keys", seconds: 1.5, processorSeconds: 4, peakMemory: 40),
        PhaseCost(name: "solving", seconds: 2, processorSeconds: 1, peakMemory: 30),
      ])
    let cost = WorkCost(threads: 3, phases: phases)
    #expect(cost.seconds == 3.5 && cost.processorSeconds == 5 && cost.peakMemory == 40)
    #expect(WorkCost(ofEdit: ["cost": cost.json]) == cost)
  }

  @Test func `the process has used time and memory`() {
    let begin = ProcessUse.now()
    var bytes = [UInt8](repeating: 1, count: 64 << 20)
    for index in stride(from: 0, to: bytes.count, by: 4096) { bytes[index] = 2 }
    let end = ProcessUse.now()
    #expect(bytes[4096] == 2)
    #expect(end.seconds > begin.seconds && end.processorSeconds > begin.processorSeconds)
    #expect(end.peakMemory > 64 << 20)
  }

  @Test(arguments: [
    #"{}"#, #"{"cost": 3}"#, #"{"cost": {"threads": 0, "phases": []}}"#,
    #"{"cost": {"threads": 1, "phases": []}}"#,
    #"{"cost": {"threads": 1, "phases": [{"name": "keys", "seconds": -1, "processorSeconds": 1, "peakMemory": 1}]}}"#,
    #"{"cost": {"threads": 1, "phases": [{"name": "keys", "seconds": 1, "processorSeconds": 1}]}}"#,
  ]) func `what a patch says otherwise is passed over`(text: String) throws {
    #expect(WorkCost(ofEdit: try JSONValue(parsing: Array(text.utf8))) == nil)
  }

  @Test func `a patch says what it took only where it is asked to`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 2)
    try run.write("plain", in: folder)
    try run.write("again", in: folder)
    #expect(try folder.read("plain") == folder.read("again"))
    #expect(try PatchFile(folder.path("plain")).manifest["edit"]?["cost"] == nil)

    run.recordsCost = true
    let report = try run.write("costly", in: folder)
    let patch = try PatchFile(folder.path("costly"))
    let cost = try #require(WorkCost(ofEdit: patch.manifest["edit"]))
    #expect(cost.json == report.card.cost?.json)
    #expect(cost.threads == 2)
    #expect(
      cost.phases.map(\.name) == [
        "contexts and first measures", "values", "keys", "factorizing", "solving", "last measures", "storing",
      ])
    // Layers have turns of their own, and stand once.
    #expect(report.phases.map(\.name) == cost.phases.map(\.name))
    let memory = cost.phases.map(\.peakMemory)
    #expect(memory.allSatisfy { $0 > 0 })
    // What the patch does is the same.
    #expect(
      patch.changes.map(\.resultDigest)
        == (try PatchFile(folder.path("plain")).changes.map(\.resultDigest)))
  }

  @Test func `a patch solved for again does not take over what the first took`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 2)
    run.recordsCost = true
    try run.write("both", in: folder)
    let removal = try FactRemoval(
      PatchedEdits(PatchFile(folder.path("both"))), model: model.network.model, threads: 2)
    let name = model.records[0].fact.identifier
    for records in [false, true] {
      _ = try removal.write(
        dropping: [name], to: folder.path("\(records)"), tool: "test", recordsCost: records)
      let cost = WorkCost(ofEdit: try PatchFile(folder.path("\(records)")).manifest["edit"])
      #expect(cost?.phases.map(\.name) == (records ? ["solving", "storing"] : nil))
    }
  }

  @Test func `gradients and training have phases as well`() throws {
    let model = try FixtureModel("tiny-gpt2")
    for method in [EditMethod.ultraedit, .ftl] {
      var run = try model.run(method, facts: 1)
      run.recordsCost = true
      let report = try run.write(method.name, in: folder)
      let names = report.phases.map(\.name)
      #expect(names.contains("gradients") && names.contains("solving") && !names.contains("values"))
    }
  }
}
