import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// What every row of the table keeps to, whichever methods there are.
@Suite struct EditMethodTests {
  @Test func `names are words of their own, and every method has a sentence`() {
    let names = EditMethod.all.flatMap { [$0.name] + $0.otherNames }
    #expect(Set(names).count == names.count && names.count >= 7)
    for name in names { #expect(name.wholeMatch(of: /[a-z0-9-]+/) != nil, "\(name)") }
    for method in EditMethod.all {
      #expect(EditMethod(name: method.name) == method && "\(method)" == method.name)
      #expect(method.summary.count > 20 && !method.summary.hasSuffix("."))
      #expect(method.advice.hasSuffix("."))
    }
    #expect(EditMethod(name: "MEMIT") == nil && EditMethod(name: "") == nil)
  }

  @Test func `a list reads as a sentence has it`() {
    #expect(EditMethod.list([]) == "" && EditMethod.list([.rome]) == "rome")
    #expect(EditMethod.list([.rome, .emmet]) == "rome or emmet")
    #expect(EditMethod.list([.rome, .emmet, .ftl], joining: "and") == "rome, emmet and ft-l")
  }

  @Test(arguments: EditMethod.all) func `a method's numbers are those that it uses`(method: EditMethod) {
    #expect(method.settings.isSuperset(of: RecipeSetting.common))
    #expect(method.settings.contains(.clamp) == method.optimizesValues)
    #expect(method.settings.contains(.usesSecondMoment) == (method.traits.metric == .inverseSecondMoment))
    #expect(method.settings.contains(.nullSpaceThreshold) == (method.traits.metric == .nullSpaceProjection))
    if !method.hasClosedForm { #expect(method.settings.isDisjoint(with: RecipeSetting.ofSolver)) }
    if method.traits.takesOneEdit { #expect(method.sequenceBatch == 1 && method.joint != nil) }
    #expect(method.optimizesValues == method.needsSubject)
    let recipe = EditRecipe(for: method, family: nil, layerCount: 32, width: 4096, keyWidth: 16_384)
    #expect(recipe.layers.count == 1 || method.layers == .spread)
    #expect(recipe.json.allSatisfy { $0.value != .null })
  }

  @Test func `every number of a recipe has one name, and is read as it is written`() {
    var recipe = EditRecipe(for: .memit, family: nil, layerCount: 32, width: 4096, keyWidth: 16_384)
    for setting in RecipeSetting.allCases {
      guard let value = recipe.value(of: setting) else { continue }
      let before = recipe
      #expect(recipe.set(setting, to: value) && recipe == before, "\(setting)")
      #expect(!recipe.set(setting, to: .null) && recipe == before, "\(setting)")
    }
    let options = RecipeSetting.allCases.compactMap(\.option)
    #expect(Set(options).count == options.count)
  }
}
