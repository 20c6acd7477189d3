import Floor
import LinearAlgebra
import ModelFiles
import Patches
import Synchronization
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Training of an editor as a file that is gone on with, and what is made of it.
@Suite struct EditorTrainingTests {
  private func training(
    _ model: FixtureModel, _ kind: EditorKind = .mend, steps: Int = 6
  ) -> EditorTraining {
    var settings = EditorSettings(kind, layerCount: model.network.configuration.layerCount)
    (settings.rank, settings.steps, settings.batch, settings.validationInterval) = (4, steps, 2, 3)
    settings.learningRate = 1e-3
    return EditorTraining(
      network: model.network, tokenizer: model.tokenizer, records: Array(model.records.prefix(12)),
      settings: settings)
  }

  @Test(arguments: EditorKind.all)
  func `a training that was stopped ends with the bytes of one that was not`(kind: EditorKind) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-llama")
    let whole = try training(model, kind).write(to: folder.path("whole"))
    #expect(whole.trained == 11 && whole.heldOut == 1 && whole.resumed == 0)
    var stopped = training(model, kind)
    let asked = Atomic(0)
    // Once before each of twelve records, and after each step.
    stopped.isStopping = { asked.wrappingAdd(1, ordering: .relaxed).newValue == 12 + 4 }
    #expect(throws: PartsError.self) { try stopped.write(to: folder.path("parts")) }
    #expect(throws: EditError.self) { try LearnedEditor(folder.path("parts")) }
    // Another training does not take its place.
    #expect(throws: EditError.self) { try training(model, kind, steps: 7).write(to: folder.path("parts")) }
    let rest = try training(model, kind).write(to: folder.path("parts"))
    #expect(rest.resumed == 4)
    #expect(try FileBytes.read(folder.path("parts")) == FileBytes.read(folder.path("whole")))
  }

  @Test(arguments: EditorKind.all)
  func `one that was stopped before its first step says so and leaves nothing`(kind: EditorKind) throws {
    let folder = try TemporaryFolder()
    var stopped = training(try FixtureModel("tiny-llama"), kind)
    let asked = Atomic(0)
    stopped.isStopping = { asked.wrappingAdd(1, ordering: .relaxed).newValue == 4 }
    #expect(throws: PartsError.stoppedEarly(done: "3 of 12 records prepared")) {
      try stopped.write(to: folder.path("editor"))
    }
    #expect(try Folder.names(in: folder.path).isEmpty)
  }

  @Test func `threads do not show in an editor`() throws {
    let folder = try TemporaryFolder()
    for threads in [1, 2] {
      let model = try FixtureModel("tiny-llama", threads: threads)
      _ = try training(model, steps: 3).write(to: folder.path("\(threads)"))
    }
    #expect(try FileBytes.read(folder.path("1")) == FileBytes.read(folder.path("2")))
  }

  @Test(arguments: zip([EditorKind.mend, .ke], [EditMethod.mend, .ke]))
  func `an edit is of the editor's rank and layers, and foreign models are refused`(
    kind: EditorKind, method: EditMethod
  ) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-llama")
    _ = try training(model, kind, steps: 3).write(to: folder.path("editor"))
    let editor = try LearnedEditor(folder.path("editor"))
    var edit = try model.run(method, facts: 2, layers: editor.layers)
    #expect(throws: EditError.self) { try edit.completedPlan() }
    edit.aids.editors = [editor]
    let report = try edit.write("fix", in: folder)
    #expect(report.card.weights.count == 3)
    let patch = try PatchFile(folder.path("fix"))
    #expect(patch.manifest["edit"]?["plan"]?["editor"] != nil)
    // KE adds one for each fact.
    let tokens = try model.problems(model.facts(2)).reduce(0) {
      $0 + 1 + $1.prompts[0].texts[0].tokens.count + $1.prompts[0].target.count - 1
    }
    for change in patch.changes {
      guard case .lowRank(let own) = change.kind else {
        Issue.record("\(change.name) is no low-rank change")
        continue
      }
      #expect(own.shape.rank <= tokens)
    }
    var other = try FixtureModel("tiny-gpt2").run(method, facts: 1, layers: editor.layers)
    other.aids.editors = [editor]
    #expect(throws: EditError.self) { try other.completedPlan() }
    var unlike = try model.run(method == .mend ? .ke : .mend, facts: 1, layers: editor.layers)
    unlike.aids.editors = [editor]
    #expect(throws: EditError.self) { try unlike.completedPlan() }
    var moved = try model.run(method, facts: 1, layers: [1, 2, 3])
    moved.aids.editors = [editor]
    #expect(throws: EditError.self) { try moved.completedPlan() }
  }

  @Test func `records without neighbors are too few`() throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-llama")
    var none = training(model)
    none = EditorTraining(
      network: model.network, tokenizer: model.tokenizer, records: model.facts(5).map { FactRecord($0) },
      settings: none.settings)
    #expect(throws: EditError.self) { try none.write(to: folder.path("editor")) }
    #expect(!Folder.fileExists(folder.path("editor")))
  }
}
