import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct SubjectStatesTests {
  static let tolerance = 1e-5

  /// Keys and residuals by the reference program (`Fixtures/make/reference.py`): MEMIT's loop over layers 1 and 2.
  private func reference(_ name: String, _ layer: Int, _ model: FixtureModel) throws -> (
    keys: Matrix<Double>, residuals: Matrix<Double>
  ) {
    let file = try ReferenceTensors("\(name).ten-facts.keys.safetensors")
    let weight = try model.network.downProjection(of: layer)
    return (try file.matrix("\(weight).keys"), try file.matrix("\(weight).residuals"))
  }

  @Test(arguments: FixtureModel.names) func `keys of the first layer are the reference's`(name: String) throws
  {
    let model = try FixtureModel(name)
    let states = SubjectStates(try model.problems(model.facts(10)))
    let keys = try states.keys(in: model.network, layer: 1, averaging: .groups)
    #expect(try keys.relativeError(to: reference(name, 1, model).keys) < Self.tolerance)
  }

  @Test(arguments: FixtureModel.names)
  func `keys and residuals of the second layer see the first one's update`(name: String) throws {
    let model = try FixtureModel(name)
    let problems = try model.problems(model.facts(10))
    let states = SubjectStates(problems)
    // The reference's values: what is missing is shared by two layers.
    var wanted = try reference(name, 1, model).residuals.scaled(by: 2)
    wanted = wanted.plus(try states.hidden(in: model.network, layer: 2))
    let values = (0..<10).map { FactValue(value: wanted.row($0).map { Float($0) }, start: []) }

    var recipe = EditRecipe(for: .memit, family: nil, layerCount: 4, width: 1, keyWidth: 256)
    recipe.layers = [1, 2]
    recipe.update.secondMomentWeight = model.secondMomentWeight
    recipe.update.ridge = 1
    var options = LowRankOptions()
    options.factorType = .f32
    var solver = WeightSolver(
      model: model.network.model, statistics: try model.statistics(), settings: recipe.update,
      options: options, orientation: nil)
    solver.keepsEdits = true
    let pass = LayerPass(
      network: model.network, recipe: recipe, rule: EditMethod.memit.rule, solver: solver, threads: 1,
      base: nil)
    let weights = try pass.updates(problems, values)
    // The reference keeps the edited weight in F32; Llama's is stored, and edited, in BF16.
    let tolerance = model.isGPT2 ? Self.tolerance : 5e-3
    for (layer, solved) in zip([1, 2], weights.updates) {
      let wanted = try reference(name, layer, model)
      let stored = try #require(solved.stored)
      #expect(stored.keys.relativeError(to: wanted.keys) < tolerance, "keys of layer \(layer)")
      #expect(stored.residuals.relativeError(to: wanted.residuals) < tolerance, "residuals of layer \(layer)")
    }
  }

  @Test(arguments: FixtureModel.names) func `keys are averaged over contexts by the method's rule`(
    name: String
  )
    throws
  {
    let model = try FixtureModel(name)
    let problems = try model.problems(model.facts(3))
    let states = SubjectStates(problems)
    for (row, problem) in problems.enumerated() {
      let single = try problem.prompts[0].texts.map { text in
        var key: [Double] = []
        _ = try model.network.run([TokenSequence(text.tokens)]) { layer, activation, rows in
          if layer == 2, activation == .key { key = rows.matrix().row(text.subject).map(Double.init) }
        }
        return key
      }
      func mean(_ keys: some Collection<[Double]>) -> [Double] {
        (0..<256).map { column in keys.reduce(0) { $0 + $1[column] } / Double(keys.count) }
      }
      let contexts = mean(single[1...])
      let rules: [(SubjectStates.Averaging, [Double])] = [
        (.bare, single[0]), (.contexts, mean(single)),
        (.groups, zip(single[0], contexts).map { ($0 + $1) / 2 }),
      ]
      for (averaging, wanted) in rules {
        let keys = try states.keys(in: model.network, layer: 2, averaging: averaging)
        let error = relativeError(keys.row(row).map { Float($0) }, wanted.map { Float($0) })
        #expect(error < Self.tolerance, "\(averaging) of fact \(row)")
      }
    }
  }

  @Test func `without contexts every rule gives the bare prompt's key`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let problem = try ValueProblem(
      GroupedFacts(model.facts(1)).groups[0], contexts: [], encoder: model.encoder)
    let states = SubjectStates([problem])
    let bare = try states.keys(in: model.network, layer: 1, averaging: .bare)
    for rule in [SubjectStates.Averaging.contexts, .groups] {
      #expect(try states.keys(in: model.network, layer: 1, averaging: rule) == bare)
    }
  }

  @Test func `more texts than fit in one batch give the same keys`() throws {
    let model = try FixtureModel("tiny-llama")
    let problems = try model.problems(model.records.map(\.fact))
    let states = SubjectStates(problems)
    let keys = try states.keys(in: model.network, layer: 1, averaging: .contexts)
    let last = try SubjectStates([problems.last!]).keys(in: model.network, layer: 1, averaging: .contexts)
    #expect(keys.rows == problems.count)
    #expect(
      relativeError(keys.row(keys.rows - 1).map { Float($0) }, last.row(0).map { Float($0) }) < Self.tolerance
    )
  }

  @Test func `the state at layer L is the value's start`() throws {
    let model = try FixtureModel("tiny-llama")
    let states = SubjectStates(try model.problems(model.facts(3)))
    let hidden = try states.hidden(in: model.network, layer: 2)
    let outputs = try states.values(in: model.network, layer: 2, averaging: .bare)
    for (target, rows) in [(ValueSettings.Target.hidden, hidden), (.value, outputs)] {
      let values = try model.values(of: model.facts(3)) {
        $0.steps = 1
        $0.target = target
      }
      for (row, value) in values.enumerated() {
        #expect(relativeError(rows.row(row).map { Float($0) }, value.start) < Self.tolerance)
      }
    }
  }
}
