public import ModelFiles

/// The numbers of a recipe by name, in the order in which patches and `--json` carry them.
public enum RecipeSetting: String, CaseIterable, Sendable {
  case secondMomentWeight, ridge, usesSecondMoment, nullSpaceThreshold, nullSpaceShare
  case layers, like, spread, steps, learningRate, bound, divergenceWeight, ownWordsWeight, weightDecay, clamp,
    stop
  case keep, target
  case neuronThreshold, neuronShare, neuronErasing, neuronWriting, neuronCount, memoryWeight, widen
  case seed, source

  /// Of every recipe.
  static let common: Set<RecipeSetting> = [.layers, .seed, .source]
  /// Of methods that weigh new keys against the second moment of known ones.
  static let solving: Set<RecipeSetting> = [.secondMomentWeight, .ridge, .usesSecondMoment]
  /// Of methods that optimize values.
  static let valuing = common.union([
    .spread, .steps, .learningRate, .divergenceWeight, .ownWordsWeight, .weightDecay, .clamp, .stop, .keep,
    .target,
  ])

  /// Those that the values themselves depend on.
  static let ofValues: [RecipeSetting] = [
    .target, .steps, .learningRate, .divergenceWeight, .ownWordsWeight, .weightDecay, .clamp, .stop, .keep,
  ]

  /// Those that `solve` has too.
  static let ofSolver: Set<RecipeSetting> = [
    .secondMomentWeight, .ridge, .usesSecondMoment, .nullSpaceThreshold, .nullSpaceShare,
  ]

  /// The option that sets it; `nil` where only a recipe file does.
  public var option: String? {
    switch self {
    case .secondMomentWeight: "--second-moment-weight"
    case .ridge: "--ridge"
    case .usesSecondMoment: "--no-second-moment"
    case .nullSpaceThreshold: "--null-space-threshold"
    case .nullSpaceShare: "--null-space-share"
    case .layers: "--layers"
    case .spread: "--spread"
    case .steps: "--steps"
    case .learningRate: "--learning-rate"
    case .bound: "--bound"
    case .divergenceWeight: "--kl-weight"
    case .ownWordsWeight: "--own-words-weight"
    case .weightDecay: "--weight-decay"
    case .clamp: "--clamp"
    case .stop: "--stop"
    case .keep: "--keep"
    case .seed: "--seed"
    case .like: "--like"
    case .widen: "--widen"
    case .target, .source, .neuronThreshold, .neuronShare, .neuronErasing, .neuronWriting, .neuronCount,
      .memoryWeight:
      nil
    }
  }
}

extension UpdateSettings {
  /// A number of the solver; `nil` where it is not the solver's, or the other form of the null space's threshold holds.
  func value(of setting: RecipeSetting) -> JSONValue? {
    switch (setting, nullSpaceThreshold) {
    case (.secondMomentWeight, _): .exact(secondMomentWeight)
    case (.ridge, _): .exact(ridge)
    case (.usesSecondMoment, _): .bool(usesSecondMoment)
    case (.nullSpaceThreshold, .absolute(let value)): .exact(value)
    case (.nullSpaceShare, .relative(let share)): .exact(share)
    default: nil
    }
  }

  /// The numbers that the method has, as patches and `--json` carry them.
  public var json: [JSONValue.Member] {
    RecipeSetting.allCases.filter { method.settings.contains($0) }.compactMap { setting in
      value(of: setting).map { JSONValue.Member(setting.rawValue, $0) }
    }
  }
}

extension EditRecipe {
  /// A number of the recipe.
  func value(of setting: RecipeSetting) -> JSONValue? {
    switch setting {
    case .layers: .array(layers.map { .integer($0) })
    case .spread: .string(spread.name)
    // Nothing is said of the usual form, as before there was another.
    case .like: neurons.form == .paper ? nil : .string(neurons.form.rawValue)
    case .steps: .integer(steps)
    case .learningRate: .exact(learningRate)
    case .bound: .exact(gradients.bound)
    case .divergenceWeight: .exact(values.divergenceWeight)
    // Where they do not count nothing is said of them, as before there were any.
    case .ownWordsWeight: values.ownWordsWeight > 0 ? .exact(values.ownWordsWeight) : nil
    case .weightDecay: .exact(values.weightDecay)
    case .clamp: .exact(values.clamp)
    case .stop: .string(values.stop.rawValue)
    case .keep: .string(values.keepsLast ? "last" : "best")
    case .target: .string(values.target.rawValue)
    case .neuronThreshold: .exact(neurons.threshold)
    // The port has neither.
    case .neuronShare: neurons.form == .paper ? .exact(neurons.share) : nil
    case .neuronErasing: neurons.form == .paper ? .exact(neurons.erasing) : nil
    case .neuronWriting: neurons.form == .paper ? .exact(neurons.writing) : nil
    case .neuronCount: neurons.count.map { .integer($0) }
    case .memoryWeight: .exact(neurons.memoryWeight)
    case .widen: neurons.widens ? true : nil
    case .seed: Int(exactly: values.seed).map { .integer($0) } ?? .string(String(values.seed))
    case .source: .string(source)
    case .secondMomentWeight, .ridge, .usesSecondMoment, .nullSpaceThreshold, .nullSpaceShare:
      update.value(of: setting)
    }
  }

  /// The numbers that the method has, as patches and `--json` carry them.
  public var json: [JSONValue.Member] {
    RecipeSetting.allCases.filter { method.settings.contains($0) }.compactMap { setting in
      value(of: setting).map { JSONValue.Member(setting.rawValue, $0) }
    }
  }

  /// Steps at most, of values or of training.
  public var steps: Int {
    get { method.optimizesValues ? values.steps : gradients.steps }
    set { if method.optimizesValues { values.steps = newValue } else { gradients.steps = newValue } }
  }

  /// Step length of values, or of what the method does instead.
  public var learningRate: Double {
    get { method.optimizesValues ? values.learningRate : gradients.learningRate }
    set {
      if method.optimizesValues { values.learningRate = newValue } else { gradients.learningRate = newValue }
    }
  }
}

extension JSONValue {
  /// A number in full: what is read back is the same.
  static func exact(_ value: Double) -> JSONValue {
    value == value.rounded() && value.magnitude < 0x1p53 ? .integer(Int(value)) : .number(value)
  }
}
