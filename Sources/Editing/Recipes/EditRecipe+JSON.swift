public import ModelFiles

extension EditRecipe {
  /// Layers and values as a patch and `--json` carry them, beside the solver's numbers.
  public var valuesJSON: [JSONValue.Member] {
    let layers = JSONValue.Member("layers", .array(layers.map { .integer($0) }))
    let origin: [JSONValue.Member] = [
      .init("seed", .integer(Int(clamping: values.seed))), .init("source", .string(source)),
    ]
    switch update.method.source {
    case .values: break
    case .gradients: return [layers, .init("learningRate", .measured(gradients.learningRate))] + origin
    case .training:
      return [
        layers, .init("steps", .integer(gradients.steps)),
        .init("learningRate", .measured(gradients.learningRate)), .init("bound", .measured(gradients.bound)),
      ] + origin
    }
    return [
      layers,
      .init("steps", .integer(values.steps)), .init("learningRate", .measured(values.learningRate)),
      .init("divergenceWeight", .measured(values.divergenceWeight)),
      .init("weightDecay", .measured(values.weightDecay)), .init("clamp", .measured(values.clamp)),
      .init("stop", .string(values.stop.rawValue)),
      .init("keep", .string(values.keepsLast ? "last" : "best")),
      .init("target", .string(values.target.rawValue)),
    ] + origin
  }

  /// Takes over what a recipe file says; keys are those of a patch's `recipe`.
  ///
  /// - Throws: `EditError.badRecipe` for a key that is not known, or a value of the wrong kind.
  public mutating func read(_ path: String) throws {
    try read(JSONValue(readingFile: path), file: path)
  }

  /// Takes over a recipe that is at hand.
  mutating func read(_ json: JSONValue, file path: String) throws {
    guard let members = json.members else { throw EditError.badRecipe(file: path, key: "") }
    for member in members {
      func number() throws -> Double {
        guard let value = member.value.number, value.isFinite else {
          throw EditError.badRecipe(file: path, key: member.key)
        }
        return value
      }
      func bad() -> EditError { .badRecipe(file: path, key: member.key) }
      func number(atLeast low: Double) throws -> Double {
        let value = try number()
        guard value >= low else { throw bad() }
        return value
      }
      func positive() throws -> Double { try number(atLeast: .leastNormalMagnitude) }
      func whole(_ range: ClosedRange<Int>) throws -> Int {
        guard let value = member.value.integer, range.contains(value) else { throw bad() }
        return value
      }
      switch member.key {
      case "method":
        guard let method = member.value.text.flatMap({ EditMethod(name: $0) }), method == update.method else {
          throw bad()
        }
      case "layers":
        let numbers = member.value.elements?.compactMap(\.integer) ?? []
        guard !numbers.isEmpty, numbers.count == member.value.elements?.count, numbers.allSatisfy({ $0 >= 0 })
        else {
          throw bad()
        }
        layers = Set(numbers).sorted()
      case "steps": steps = try whole(1...1_000_000)
      case "learningRate": learningRate = try positive()
      case "bound": gradients.bound = try positive()
      case "divergenceWeight": values.divergenceWeight = try number(atLeast: 0)
      case "weightDecay": values.weightDecay = try number(atLeast: 0)
      case "clamp": values.clamp = try positive()
      case "stop":
        guard let stop = member.value.text.flatMap(ValueSettings.Stop.init(rawValue:)) else { throw bad() }
        values.stop = stop
      case "keep":
        guard let keep = member.value.text, ["best", "last"].contains(keep) else { throw bad() }
        values.keepsLast = keep == "last"
      case "target":
        guard let target = member.value.text.flatMap(ValueSettings.Target.init(rawValue:)) else {
          throw bad()
        }
        values.target = target
      case "seed": values.seed = UInt64(try whole(0...Int.max))
      case "secondMomentWeight": update.secondMomentWeight = try number()
      case "ridge": update.ridge = try number()
      case "nullSpaceThreshold": update.nullSpaceThreshold = .absolute(try number())
      case "nullSpaceShare": update.nullSpaceThreshold = .relative(try number())
      case "usesSecondMoment":
        guard case .bool(let flag) = member.value else { throw bad() }
        update.usesSecondMoment = flag
      case "source": continue
      default: throw bad()
      }
    }
    source = path
  }
}

extension EditRecipe {
  /// Steps at most, of values or of training.
  public var steps: Int {
    get { update.method.optimizesValues ? values.steps : gradients.steps }
    set {
      if update.method.optimizesValues { values.steps = newValue } else { gradients.steps = newValue }
    }
  }

  /// Step length of values, or of what the method does instead.
  public var learningRate: Double {
    get { update.method.optimizesValues ? values.learningRate : gradients.learningRate }
    set {
      if update.method.optimizesValues {
        values.learningRate = newValue
      } else {
        gradients.learningRate = newValue
      }
    }
  }
}
