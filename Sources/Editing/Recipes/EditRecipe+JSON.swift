public import ModelFiles

extension EditRecipe {
  /// Takes over what a recipe file says; keys are those of a patch's `recipe`.
  ///
  /// - Throws: `EditError.badRecipe` for a key that is not known, or a value of the wrong kind;
  ///   `optionDoesNotApply` for a number that the method does not have.
  ///
  /// - Parameter passed: numbers of other methods that may stand there.
  public mutating func read(_ path: String, passingOver passed: Set<RecipeSetting> = []) throws {
    try read(JSONValue(readingFile: path), file: path, passingOver: passed)
  }

  /// Takes over a recipe that is at hand.
  mutating func read(
    _ json: JSONValue, file path: String, passingOver passed: Set<RecipeSetting> = []
  ) throws {
    guard let members = json.members else { throw EditError.badRecipe(file: path, key: "") }
    // The form brings numbers of its own, which others may then change.
    let forms = members.filter { $0.key == RecipeSetting.like.rawValue }
    for member in forms + members.filter({ $0.key != RecipeSetting.like.rawValue }) {
      if member.key == "method" {
        guard let named = member.value.text.flatMap({ EditMethod(name: $0) }), named == method else {
          throw EditError.badRecipe(file: path, key: member.key)
        }
        continue
      }
      guard let setting = RecipeSetting(rawValue: member.key) else {
        throw EditError.badRecipe(file: path, key: member.key)
      }
      guard method.settings.contains(setting) else {
        if passed.contains(setting) { continue }
        throw EditError.settingOfAnotherMethod(setting, method: method, file: path)
      }
      guard set(setting, to: member.value) else { throw EditError.badRecipe(file: path, key: member.key) }
    }
    source = path
  }

  /// Changes a number of the method; whether it has it, and the value was one that it may have.
  public mutating func change(_ setting: RecipeSetting, to value: JSONValue) -> Bool {
    guard method.settings.contains(setting), set(setting, to: value) else { return false }
    layers = spread.written(of: layers)
    return true
  }

  /// Changes a number; whether the value was one that it may have.
  mutating func set(_ setting: RecipeSetting, to value: JSONValue) -> Bool {
    func take(_ path: WritableKeyPath<EditRecipe, Double>, _ fits: (Double) -> Bool) -> Bool {
      guard let number = value.number, number.isFinite, fits(number) else { return false }
      self[keyPath: path] = number
      return true
    }
    func take<Choice: RawRepresentable<String>>(_ path: WritableKeyPath<EditRecipe, Choice>) -> Bool {
      guard let choice = value.text.flatMap(Choice.init(rawValue:)) else { return false }
      self[keyPath: path] = choice
      return true
    }
    func whole(_ range: ClosedRange<Int>) -> Int? { value.integer.flatMap { range.contains($0) ? $0 : nil } }

    switch setting {
    case .layers:
      let numbers = value.elements?.compactMap(\.integer) ?? []
      guard !numbers.isEmpty, numbers.count == value.elements?.count, numbers.allSatisfy({ $0 >= 0 }) else {
        return false
      }
      layers = Set(numbers).sorted()
      return true
    case .spread:
      guard let named = value.text.flatMap({ LayerSpread(name: $0) }) else { return false }
      spread = named
      return true
    case .like:
      guard let form = value.text.flatMap(NeuronSettings.Form.init(rawValue:)) else { return false }
      neurons.form = form
      // One point of a sum over both ends is the gradient at nothing: the preset of all families but two.
      if form == .easyedit { steps = 1 }
      return true
    case .steps:
      guard let count = whole(1...1_000_000) else { return false }
      steps = count
      return true
    case .learningRate: return take(\.learningRate) { $0 > 0 }
    case .bound: return take(\.gradients.bound) { $0 > 0 }
    case .divergenceWeight: return take(\.values.divergenceWeight) { $0 >= 0 }
    case .ownWordsWeight: return take(\.values.ownWordsWeight) { $0 >= 0 }
    case .weightDecay: return take(\.values.weightDecay) { $0 >= 0 }
    case .clamp: return take(\.values.clamp) { $0 > 0 }
    case .stop: return take(\.values.stop)
    case .keep:
      guard let keep = value.text, ["best", "last"].contains(keep) else { return false }
      values.keepsLast = keep == "last"
      return true
    case .target: return take(\.values.target)
    case .seed:
      // As text where a JSON number would not say it exactly.
      guard let seed = whole(0...Int.max).map(UInt64.init) ?? value.text.flatMap({ UInt64($0) }) else {
        return false
      }
      values.seed = seed
      return true
    case .secondMomentWeight: return take(\.update.secondMomentWeight) { _ in true }
    case .ridge: return take(\.update.ridge) { _ in true }
    case .nullSpaceThreshold, .nullSpaceShare:
      guard let number = value.number, number.isFinite else { return false }
      update.nullSpaceThreshold = setting == .nullSpaceShare ? .relative(number) : .absolute(number)
      return true
    case .usesSecondMoment:
      guard case .bool(let flag) = value else { return false }
      update.usesSecondMoment = flag
      return true
    case .neuronThreshold: return take(\.neurons.threshold) { $0 > 0 && $0 <= 1 }
    case .neuronShare: return take(\.neurons.share) { $0 > 0 && $0 <= 1 }
    case .neuronErasing: return take(\.neurons.erasing) { $0 >= 0 }
    case .neuronWriting: return take(\.neurons.writing) { $0 >= 0 }
    case .neuronCount:
      guard let count = whole(1...65_536) else { return false }
      neurons.count = count
      return true
    case .memoryWeight: return take(\.neurons.memoryWeight) { $0 >= 0 }
    case .widen:
      guard case .bool(let flag) = value else { return false }
      neurons.widens = flag
      return true
    case .source: return value.text != nil
    }
  }
}

extension UpdateSettings {
  /// The published settings of a method with other numbers.
  ///
  /// - Throws: `EditError.settingOfAnotherMethod`, `badSetting`.
  public init(method: EditMethod, _ changes: [(setting: RecipeSetting, value: JSONValue)]) throws {
    // A recipe without a model: only the solver's numbers of it are used.
    var recipe = EditRecipe(for: method, family: nil, layerCount: 1, width: 1, keyWidth: 1)
    recipe.update = UpdateSettings(method: method)
    for (setting, value) in changes {
      guard method.settings.contains(setting), RecipeSetting.ofSolver.contains(setting) else {
        throw EditError.settingOfAnotherMethod(setting, method: method, file: nil)
      }
      guard recipe.set(setting, to: value) else {
        throw EditError.badSetting(setting, value: value.compactText)
      }
    }
    self = recipe.update
  }
}
