import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct EditPlanTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: EditMethod.all) func `a plan read from a patch is the plan that made it`(
    method: EditMethod
  ) throws {
    let model = try FixtureModel("tiny-llama")
    var run = try model.run(method, facts: 2)
    run.plan.sequence = .accumulate(batch: 1, anchorsNorm: method.optimizesValues)
    run.plan.rounding = .stochastic(seed: .max - 3)
    run.plan.isOriginal = method.originalRule != nil
    if method.hasClosedForm { run.plan.factorType = .f32 }
    if method.settings.contains(.learningRate) { run.plan.recipe.learningRate *= 0.987654321 }
    run.plan.recipe.values.seed = 5
    let report = try run.write("fix", in: folder)
    let edit = try #require(try PatchFile(folder.path("fix")).manifest["edit"])
    let found = try EditPlan(ofEdit: edit, family: model.network.configuration.family, file: "fix")
    #expect(found.json == report.plan.json && found.identity == report.plan.identity)
    #expect(found.sequence == run.plan.sequence && found.rounding == run.plan.rounding)
    #expect(found.recipe.learningRate == run.plan.recipe.learningRate && found.inputs == report.plan.inputs)
    // Numbers that another method would have are not part of it.
    if method.optimizesValues { #expect(found.recipe.values == run.plan.recipe.values) }
    #expect(found.contexts == model.contexts && found.isOriginal == run.plan.isOriginal)
    #expect((report.plan.inputs?.statistics == nil) == !method.usesSecondMoment)
  }

  @Test func `a plan with a chat is read as it was, and its patch tells both ways`() throws {
    let model = try FixtureModel("tiny-llama")
    let text = "{% for m in messages %}The {{ m.role }}. {{ m.content }}{{ '\\n' }}{% endfor %}The assistant."
    let frame = try ChatFrame(ChatTemplate(text, name: "t"), system: "Be brief.")
    var run = try model.run(facts: 1)
    run.plan.chat = frame
    let report = try run.write("fix", in: folder)
    #expect(report.plan.contexts == ContextTemplate.sharing(model.contexts))
    let line = report.facts[0]
    let chat = try #require(line.after.chat)
    #expect(line.took == (line.after.isSaid && chat.isSaid) && line.before.chat?.isSaid == false)
    #expect(line.json["chat"]?["isSaid"] == .bool(chat.isSaid))
    let patch = try PatchFile(folder.path("fix"))
    let found = try EditPlan(
      ofEdit: try #require(patch.manifest["edit"]), family: model.network.configuration.family, file: "fix")
    #expect(found.chat == frame && found.contexts == report.plan.contexts)
    #expect(found.identity == report.plan.identity && found.valueIdentity == report.plan.valueIdentity)
    var plain = found
    plain.chat = nil
    #expect(plain.valueIdentity.difference(from: found.valueIdentity)?.key == "chat")
    // Gone on with, the patch's own frame holds; another is refused.
    let earlier = try PatchedEdits(patch)
    var options = PlanOptions()
    let configuration = model.network.configuration
    #expect(try options.plan(for: configuration, goingOnWith: earlier).chat == frame)
    options.chat = frame
    #expect(try options.plan(for: configuration, goingOnWith: earlier).chat == frame)
    options.chat = try ChatFrame(ChatTemplate(text, name: "t"))
    let error = #expect(throws: EditError.self) {
      try options.plan(for: configuration, goingOnWith: earlier)
    }
    guard case .otherPlan(_, let difference)? = error else { throw try #require(error) }
    #expect(difference.key == "chat" && difference.found.contains("Be brief."))
  }

  @Test func `what decides the bytes has another identity, what does not has the same`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let plan = try model.run(facts: 1).completedPlan()
    func differs(_ change: (inout EditPlan) -> Void) -> (all: String?, values: String?) {
      var other = plan
      change(&other)
      return (
        other.identity.difference(from: plan.identity)?.key,
        other.valueIdentity.difference(from: plan.valueIdentity)?.key
      )
    }
    #expect(differs { $0.recipe.source = "somewhere" } == (nil, nil))
    #expect(differs { $0.recipe.values.seed = 9 } == (nil, nil))
    #expect(differs { $0.recipe.update.ridge = 2 } == ("ridge", nil))
    #expect(differs { $0.sequence = .accumulate() } == ("sequence", nil))
    #expect(differs { $0.factorType = .f32 } == ("factorType", nil))
    #expect(differs { $0.rounding = .stochastic(seed: 0) } == ("rounding", nil))
    #expect(differs { $0.recipe.spread = .root } == ("spread", nil))
    #expect(differs { $0.recipe.values.stop = .never } == ("stop", "stop"))
    #expect(differs { $0.contexts = [] } == ("contexts", "contexts"))
    #expect(differs { $0.inputs?.model = "x" } == ("model", "model"))
    #expect(differs { $0.inputs?.tokenizer = "x" } == ("tokenizer", "tokenizer"))
    #expect(differs { $0.inputs?.statistics = nil } == ("statistics", nil))

    var other = plan
    (other.recipe.update.ridge, other.factorType) = (2, .f32)
    let differences = plan.identity.differences(from: other.identity)
    #expect(differences.map(\.key) == ["ridge", "factorType"])
    #expect(differences.allSatisfy { $0.found != $0.wanted } && differences[1].wanted == "F32")
  }

  @Test func `statistics are known by what they hold, not by their name`() throws {
    let model = try FixtureModel("tiny-gpt2")
    var statistics = try model.statistics()
    let weight = statistics.weights[0]
    let identity = try statistics.identity(of: [weight], threads: 1)
    let copy = try folder.write(FileBytes.read(statistics.container.path), to: "copy.safetensors")
    #expect(try StatisticsFile(copy).identity(of: [weight], threads: 2) == identity)
    #expect(try statistics.identity(of: [statistics.weights[1]], threads: 1) != identity)
    statistics.excludesBegin = true
    #expect(try statistics.identity(of: [weight], threads: 1) != identity)
  }

  @Test func `tokenizers are told apart`() throws {
    let prints = try FixtureModel.names.map { name in
      let model = try FixtureModel(name)
      return try model.tokenizer.fingerprint(of: model.network.model)
    }
    // The two models share one.
    #expect(prints[0] == prints[1])
    let other = try FixtureModel("tiny-gpt2").changed(in: folder)
    #expect(try other.tokenizer.fingerprint(of: other.network.model) == prints[0])
    let bytes = try folder.read("tokenizer.json")
    try folder.write(bytes + [0x0A], to: "tokenizer.json")
    #expect(try other.tokenizer.fingerprint(of: other.network.model) != prints[0])
  }

  @Test func `what accumulated edits cost known keys is measured on their sum`() throws {
    let model = try FixtureModel("tiny-gpt2")
    for method in [EditMethod.memit, .alphaedit] {
      var run = try model.run(method, facts: 4)
      run.plan.sequence = .accumulate(batch: 1)
      let report = try run.write("fix-\(method)", in: folder)
      for weight in report.card.weights {
        let moment = try model.statistics().secondMoment(of: weight.name)
        let tensor = try model.network.model.tensor(weight.name)
        let bytes = try model.network.model.file(of: tensor).read(
          tensor.byteCount, at: tensor.byteRange.lowerBound)
        let base = Matrix<Double>(try tensor.floats(bytes, .inputMajor))
        let update = try #require(weight.solution?.factors.product())
        func cost(_ matrix: Matrix<Double>) -> Double {
          matrix.times(moment.sum).elements.dot(matrix.elements)
        }
        let wanted = cost(update) / cost(base)
        let found = try #require(weight.preservation)
        #expect(abs(found / wanted - 1) < 1e-4, "\(method): \(found) for \(wanted)")
      }
    }
  }
}
