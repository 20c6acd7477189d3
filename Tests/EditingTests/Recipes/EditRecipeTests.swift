import ModelFiles
import TestSupport
import Testing

@testable import Editing

@Suite struct EditRecipeTests {
  @Test func `published layers and steps`() {
    let memit = EditRecipe(for: .memit, family: .named("gpt2"), layerCount: 48, width: 1600, keyWidth: 6400)
    #expect(memit.layers == [13, 14, 15, 16, 17] && memit.values.steps == 20)
    #expect(memit.update.secondMomentWeight == 20_000 && memit.values.clamp == 0.75)
    #expect(memit.source == "published for GPT-2 XL")
    let rome = EditRecipe(for: .rome, family: .named("gpt2"), layerCount: 48, width: 1600, keyWidth: 6400)
    #expect(rome.layers == [17] && rome.values.target == .value && rome.values.clamp == 4)
    let gptj = EditRecipe(for: .memit, family: .named("gptj"), layerCount: 28, width: 4096, keyWidth: 16384)
    #expect(gptj.layers == Array(3...8) && gptj.update.secondMomentWeight == 15_000)
    let llama = EditRecipe(
      for: .alphaedit, family: .named("llama"), layerCount: 32, width: 4096, keyWidth: 16384)
    #expect(llama.layers == [4, 5, 6, 7, 8] && llama.values.weightDecay == 1e-3 && llama.values.clamp == 4)
    let pmet = EditRecipe(for: .pmet, family: .named("llama"), layerCount: 32, width: 4096, keyWidth: 16384)
    #expect(pmet.values.learningRate == 0.2 && pmet.values.divergenceWeight == 1 && pmet.values.clamp == 1)
    let emmet = EditRecipe(for: .emmet, family: .named("gpt2"), layerCount: 48, width: 1600, keyWidth: 6400)
    #expect(emmet.layers == [17] && emmet.update.ridge == 0.1 && emmet.update.secondMomentWeight == 1000)
  }

  @Test(arguments: EditMethod.allCases, ModelFamily.knownNames)
  func `a derived recipe has layers with a block above them, for every size`(
    method: EditMethod, family: String
  ) {
    for layerCount in [1, 2, 3, 4, 6, 12, 16, 22, 24, 36, 61, 80] {
      let recipe = EditRecipe(
        for: method, family: .named(family), layerCount: layerCount, width: 333, keyWidth: 1332)
      #expect(recipe.source == "derived from the model's size")
      #expect(!recipe.layers.isEmpty && recipe.layers == recipe.layers.sorted())
      #expect(recipe.layers[0] >= 0)
      // Neurons are looked for everywhere or added at the end.
      if [.kn, .tPatcher, .caliNet].contains(method) {
        #expect(recipe.layers.last! == layerCount - 1)
        continue
      }
      #expect(recipe.layers.last! < max(layerCount - 1, 1), "\(layerCount) blocks: \(recipe.layers)")
      #expect(method.layers == .spread || recipe.layers.count == 1)
      #expect(recipe.update.secondMomentWeight <= 1332 && recipe.update.secondMomentWeight > 0)
      // Near the middle of what is published: between an eighth and a half of the depth; some edit later blocks.
      if layerCount >= 12, ![.ultraedit, .ftm, .mend, .ke].contains(method) {
        #expect((layerCount / 9...layerCount / 2).contains(recipe.layers[recipe.layers.count / 2]))
      }
    }
  }

  @Test(arguments: [EditMethod.memit, .pmet])
  func `behind a norm one layer does what several share elsewhere`(method: EditMethod) {
    func weight(_ addsOutputsAsTheyAre: Bool) -> Double {
      EditRecipe(
        for: method, family: .named("gemma3"), layerCount: 18, width: 640, keyWidth: 2048,
        addsOutputsAsTheyAre: addsOutputsAsTheyAre
      ).update.secondMomentWeight
    }
    #expect(weight(true) == 2048 && weight(false) == 204.8)
  }

  private func changed(_ json: String, _ method: EditMethod = .memit) throws -> EditRecipe {
    let folder = try TemporaryFolder()
    var recipe = EditRecipe(for: method, family: .named("llama"), layerCount: 4, width: 96, keyWidth: 384)
    try recipe.read(folder.write(Array(json.utf8), to: "recipe.json"))
    return recipe
  }

  @Test func `a file changes what it names and nothing else`() throws {
    let plain = EditRecipe(for: .memit, family: .named("llama"), layerCount: 4, width: 96, keyWidth: 384)
    var wanted = plain
    wanted.layers = [1, 2]
    wanted.values.clamp = 0.5
    wanted.values.stop = .mostProbable
    wanted.values.keepsLast = true
    wanted.update.secondMomentWeight = 7
    let found = try changed(
      #"{"layers": [2, 1, 2], "clamp": 0.5, "stop": "most-probable", "keep": "last", "secondMomentWeight": 7}"#
    )
    #expect(found.source.hasSuffix("/recipe.json"))
    wanted.source = found.source
    #expect(found == wanted)
  }

  @Test(arguments: EditMethod.allCases.filter(\.optimizesValues))
  func `what a patch says of its recipe is read back`(
    method: EditMethod
  )
    throws
  {
    var recipe = EditRecipe(for: method, family: .named("gpt2"), layerCount: 48, width: 1600, keyWidth: 6400)
    recipe.values.seed = 11
    recipe.values.keepsLast = true
    recipe.values.stop = .never
    recipe.update.nullSpaceThreshold = .relative(0.125)
    recipe.values.learningRate = 0.123456789
    var found = try changed(JSONValue.object(recipe.json).compactText, method)
    found.source = recipe.source
    // Only AlphaEdit's patches tell the threshold.
    if method != .alphaedit { found.update.nullSpaceThreshold = recipe.update.nullSpaceThreshold }
    #expect(found == recipe)
  }

  @Test(arguments: [
    (#"[]"#, ""), (#"{"lambda": 3}"#, "lambda"), (#"{"steps": "20"}"#, "steps"),
    (#"{"layers": []}"#, "layers"),
    (#"{"layers": [1, "2"]}"#, "layers"), (#"{"stop": "late"}"#, "stop"), (#"{"keep": true}"#, "keep"),
    (#"{"target": "key"}"#, "target"), (#"{"clamp": null}"#, "clamp"), (#"{"method": "rome"}"#, "method"),
    (#"{"usesSecondMoment": 1}"#, "usesSecondMoment"), (#"{"steps": 0}"#, "steps"),
    (#"{"steps": 1e300}"#, "steps"),
    (#"{"steps": 2.5}"#, "steps"), (#"{"seed": -1}"#, "seed"), (#"{"seed": 1e300}"#, "seed"),
    (#"{"clamp": 0}"#, "clamp"), (#"{"learningRate": -1}"#, "learningRate"), (#"{"layers": [-1]}"#, "layers"),
    (#"{"weightDecay": -0.5}"#, "weightDecay"), (#"{"divergenceWeight": -1}"#, "divergenceWeight"),
  ]) func `what is not a recipe is refused by its key`(json: String, key: String) throws {
    let error = #expect(throws: EditError.self) { try changed(json) }
    guard case .badRecipe(_, let found) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(found == key)
  }

  @Test(arguments: [EditMethod.ultraedit, .ftl]) func `gradients have keys of their own`(method: EditMethod)
    throws
  {
    var recipe = EditRecipe(for: method, family: .named("gptj"), layerCount: 28, width: 4096, keyWidth: 16384)
    #expect(method == .ftl ? recipe.gradients.bound == 5e-5 : recipe.layers == Array(18...26))
    recipe.gradients.learningRate = 0.5
    if method == .ftl {
      recipe.gradients.steps = 3
      recipe.gradients.bound = 0.25
    }
    var found = try changed(JSONValue.object(recipe.json).compactText, method)
    found.source = recipe.source
    #expect(found.gradients.learningRate == 0.5 && found.update == recipe.update)
    #expect(found.layers == recipe.layers && found.values.target == recipe.values.target)
    if method == .ftl { #expect(found.gradients == recipe.gradients) }
  }
}
