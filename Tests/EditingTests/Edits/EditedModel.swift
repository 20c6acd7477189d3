import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Transformer

@testable import Editing

extension FixtureModel {
  /// A recipe under which every method's first facts take.
  func recipe(_ method: EditMethod) -> EditRecipe {
    var recipe = EditRecipe(for: method, configuration: network.configuration)
    recipe.layers = method.layers == .spread ? [1, 2] : [isGPT2 ? 1 : 2]
    recipe.values.steps = 15
    recipe.values.weightDecay = 0.5
    recipe.values.clamp = recipe.values.target == .value ? 6 : isGPT2 ? 0.75 : 1
    recipe.values.learningRate = 0.5
    recipe.update.secondMomentWeight = secondMomentWeight
    if method == .alphaedit {
      recipe.update.nullSpaceThreshold = .absolute(isGPT2 ? 0.033603 : 0.1478)
      recipe.update.ridge = 1
    }
    // Its place is the last layer; and a model that knows a small world alone is sure of what it says.
    if method == .tPatcher {
      recipe.layers = [network.configuration.layerCount - 1]
      recipe.gradients.learningRate = 0.2
    }
    if method.readsText { recipe.gradients.steps = 80 }
    return recipe
  }

  /// The world's corpus, for methods that are to be quiet on it.
  func ordinaryText() throws -> OrdinaryText {
    try OrdinaryText(
      of: Corpus([PackageFiles.path("Fixtures/world/corpus.txt")]), for: network, tokenizer)
  }

  /// An editor of the layers that the tests edit, hardly trained.
  func editor(_ kind: EditorKind) throws -> LearnedEditor {
    let folder = try TemporaryFolder()
    var settings = EditorSettings(kind, layerCount: network.configuration.layerCount)
    (settings.layers, settings.rank, settings.steps, settings.batch) = ([1, 2], 4, 2, 1)
    let training = EditorTraining(
      network: network, tokenizer: tokenizer, records: Array(records.prefix(12)), settings: settings)
    return try training.write(to: folder.path("\(name).\(kind)")).editor
  }

  /// An edit of the first facts in the world's contexts.
  func run(_ method: EditMethod = .memit, facts count: Int = 3, layers: [Int]? = nil) throws -> Edit {
    try run(Array(records.prefix(count)), method, layers: layers)
  }

  func run(_ records: [FactRecord], _ method: EditMethod = .memit, layers: [Int]? = nil) throws -> Edit {
    var plan = EditPlan(recipe(method))
    if let layers { plan.recipe.layers = layers }
    plan.contexts = contexts
    var edit = try Edit(
      network: network, tokenizer: tokenizer, records: records, statistics: statistics(), plan: plan)
    if method.readsText { edit.aids.text = try ordinaryText() }
    if let kind = method.trainedKind, layers == nil { edit.aids.editors = [try editor(kind)] }
    return edit
  }
}

extension Edit {
  /// Edits into a file of a folder.
  @discardableResult
  func write(_ name: String, in folder: TemporaryFolder, saveValues: String? = nil) throws -> FactEditReport {
    try write(to: folder.path(name), tool: "test", saveValues: saveValues.map { folder.path($0) })
  }

  /// What the model says of the records once the patch is applied to its files.
  func measures(applying name: String, in folder: TemporaryFolder) throws -> [FactMeasure] {
    let patch = try PatchRun(PatchFile(folder.path(name)), network.model, threads: 2)
    let output = folder.path(name + ".edited")
    try patch.write(.apply, to: output)
    let edited = try Network(ModelFile(output), threads: network.threads)
    let prompts = try records.map {
      try FactPrompt($0.fact, contexts: [], encoder: PromptEncoder(tokenizer, for: network.configuration))
    }
    return try FactMeasures(
      records, prompts: prompts, encoder: PromptEncoder(tokenizer, for: network.configuration)
    ).measure(edited)
  }
}
