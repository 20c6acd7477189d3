import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

/// What is asked for and does not apply is refused by name, never dropped.
@Suite struct PlanOptionsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let configuration = Result { try FixtureModel("tiny-gpt2").network.configuration }

  private func error(
    _ method: EditMethod? = nil, _ change: (inout PlanOptions) -> Void
  ) throws -> EditError? {
    var options = PlanOptions()
    options.method = method
    change(&options)
    do {
      _ = try options.plan(for: Self.configuration.get())
      return nil
    } catch { return error as? EditError }
  }

  @Test(arguments: EditMethod.all) func `a number that the method does not have is refused by its option`(
    method: EditMethod
  ) throws {
    let values: [RecipeSetting: JSONValue] = [
      .layers: [1], .usesSecondMoment: false, .spread: "root", .stop: "never", .keep: "last",
      .target: "hidden", .source: "me", .steps: 3, .seed: 3, .neuronCount: 3, .like: "easyedit", .widen: true,
    ]
    for setting in RecipeSetting.allCases {
      let found = try error(method) { $0.settings = [(setting, values[setting] ?? .number(0.5))] }
      let wanted = EditError.settingOfAnotherMethod(setting, method: method, file: nil)
      #expect(found == (method.settings.contains(setting) ? nil : wanted), "\(method): \(setting)")
    }
  }

  @Test func `what means nothing without another option is refused`() throws {
    #expect(try error { $0.batch = 3 } == .optionNeeds("--batch", other: "--sequence accumulate"))
    #expect(
      try error { $0.anchorsNorm = true } == .optionNeeds("--norm-anchor", other: "--sequence accumulate"))
    #expect(try error { ($0.accumulates, $0.batch, $0.anchorsNorm) = (true, 3, true) } == nil)
    let seedless = EditError.optionNeeds(
      "--seed", other: "--rounding stochastic and for contexts that are generated")
    #expect(try error { ($0.seed, $0.contexts) = (3, [.bare]) } == seedless)
    #expect(try error(.ultraedit) { $0.seed = 3 } == seedless)
    #expect(try error { ($0.seed, $0.contexts, $0.roundsAtRandom) = (3, [.bare], true) } == nil)
    #expect(try error { $0.seed = 3 } == nil)
  }

  @Test(arguments: EditMethod.all) func `the original form is for the method that has one`(
    method: EditMethod
  ) throws {
    let refused = EditError.optionOfAnotherMethod("--rome-compat", method: method)
    #expect(try error(method) { $0.isOriginal = true } == (method == .rome ? nil : refused))
  }

  @Test func `norms without values, factors without factors, values that are none`() throws {
    #expect(
      try error(.ultraedit) { ($0.accumulates, $0.anchorsNorm) = (true, true) }
        == .optionOfAnotherMethod("--norm-anchor", method: .ultraedit))
    #expect(
      try error(.ftl) { $0.factorType = .f32 } == .optionOfAnotherMethod("--factor-type", method: .ftl))
    #expect(try error { $0.settings = [(.clamp, -1)] } == .badSetting(.clamp, value: "-1"))
    #expect(try error { $0.settings = [(.layers, [7])] } == .layersOutsideModel(layers: [7], layerCount: 4))
    #expect(
      try error(.ftl) { $0.settings = [(.layers, [1, 2])] }
        == .methodTakesOneLayer(method: .ftl, layers: [1, 2]))
  }

  @Test func `a recipe file for another method is refused, one for several methods gives each its own`()
    throws
  {
    let path = try folder.write(Array(#"{"clamp": 2, "bound": 0.5}"#.utf8), to: "recipe.json")
    #expect(
      try error(.memit) { $0.recipes = [path] }
        == .settingOfAnotherMethod(.bound, method: .memit, file: path))
    var options = PlanOptions()
    options.recipes = [path]
    options.passesOver = EditMethod.memit.settings.union(EditMethod.ftl.settings)
    let configuration = try FixtureModel("tiny-gpt2").network.configuration
    #expect(try options.plan(for: configuration).recipe.values.clamp == 2)
    options.method = .ftl
    #expect(try options.plan(for: configuration).recipe.gradients.bound == 0.5)
  }

  /// A patch of two facts to go on with.
  private func earlier(_ change: (inout EditPlan) -> Void = { _ in }) throws -> (FixtureModel, PatchedEdits) {
    let model = try FixtureModel("tiny-gpt2")
    var run = try model.run(facts: 2)
    change(&run.plan)
    try run.write("earlier", in: folder)
    return (model, try PatchedEdits(PatchFile(folder.path("earlier"))))
  }

  @Test func `going on with a patch keeps its plan, and takes what may be another`() throws {
    let (model, edits) = try earlier { $0.factorType = .f32 }
    let configuration = model.network.configuration
    var options = PlanOptions()
    var plan = try options.plan(for: configuration, goingOnWith: edits)
    plan.inputs = edits.plan.inputs
    #expect(plan == edits.plan && plan.factorType == .f32)
    options.method = .memit
    options.settings = [(.secondMomentWeight, 7), (.ridge, 2), (.usesSecondMoment, false)]
    options.factorType = .f16
    plan = try options.plan(for: configuration, goingOnWith: edits)
    #expect(plan.recipe.update.secondMomentWeight == 7 && plan.recipe.update.ridge == 2)
    #expect(!plan.recipe.update.usesSecondMoment && plan.factorType == .f16)
    #expect(plan.recipe.values == edits.plan.recipe.values && plan.contexts == edits.plan.contexts)
  }

  @Test func `what its values do not fit is refused by name`() throws {
    let (model, edits) = try earlier()
    func difference(_ change: (inout PlanOptions) -> Void) throws -> String? {
      var options = PlanOptions()
      change(&options)
      do {
        _ = try options.plan(for: model.network.configuration, goingOnWith: edits)
        return nil
      } catch EditError.otherPlan(edits.patch.path, let difference) { return difference.key }
    }
    #expect(try difference { $0.method = .emmet } == "method")
    #expect(try difference { $0.settings = [(.clamp, 2)] } == "clamp")
    #expect(try difference { $0.settings = [(.layers, [0, 1])] } == "layer")
    #expect(try difference { $0.contexts = [] } == "contexts")
    #expect(try difference { $0.settings = [(.layers, [0, 2])] } == nil)
  }
}
