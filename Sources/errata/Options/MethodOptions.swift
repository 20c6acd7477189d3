import ArgumentParser
import Editing
import ModelFiles

/// What is solved, and how.
struct MethodOptions: ParsableArguments {
  @Option(
    name: .customLong("method"),
    help: ArgumentHelp(
      "\(EditMethod.list()) (default: memit); without a change of weights: \(MethodChoice.memories).",
      valueName: "method"),
    completion: .list(EditMethod.all.map(\.name) + MemoryMethod.all.map(\.name)), transform: MethodChoice.init
  )
  var choice: MethodChoice?
  @Option(
    help: "λ, weight of the second moment against the new keys (default: 15000 for memit and pmet, else 1).")
  var secondMomentWeight: Double?
  @Option(help: "ρ, ridge on the keys' Gram matrix (default: 0 for emmet and rome; alphaedit's L2: 10).")
  var ridge: Double?
  @Option(help: "alphaedit: eigenvalues of the second moment below this count as zero (default: 0.02).")
  var nullSpaceThreshold: Double?
  @Option(help: "alphaedit: instead, the smallest eigenvalues that sum to this share of the trace.")
  var nullSpaceShare: Double?
  @Flag(help: "Leave begin-of-text tokens out of the second moment, where the statistics keep them apart.")
  var withoutBegin = false
  @Flag(help: "Go without the second moment: keys count as they are.")
  var noSecondMoment = false

  /// The one of weights that is named.
  var method: EditMethod? { if case .weights(let method) = choice { method } else { nil } }
  /// The one that leaves them alone.
  var memory: MemoryMethod? { if case .memory(let method) = choice { method } else { nil } }

  func validate() throws {
    if nullSpaceThreshold != nil, nullSpaceShare != nil {
      throw ValidationError("Give one of --null-space-threshold and --null-space-share.")
    }
  }

  static func method(_ name: String) throws -> EditMethod {
    guard let method = EditMethod(name: name) else {
      throw ValidationError("--method takes \(EditMethod.list()), not \(name).")
    }
    return method
  }

  /// The numbers that are given.
  var settings: [(setting: RecipeSetting, value: JSONValue)] {
    var settings: [(RecipeSetting, JSONValue)] = []
    if let secondMomentWeight { settings.append((.secondMomentWeight, .number(secondMomentWeight))) }
    if let ridge { settings.append((.ridge, .number(ridge))) }
    if let nullSpaceThreshold { settings.append((.nullSpaceThreshold, .number(nullSpaceThreshold))) }
    if let nullSpaceShare { settings.append((.nullSpaceShare, .number(nullSpaceShare))) }
    if noSecondMoment { settings.append((.usesSecondMoment, false)) }
    return settings
  }

  /// Opens statistics as the options ask.
  func statistics(_ path: String) throws -> StatisticsFile {
    var file = try StatisticsFile(path)
    file.excludesBegin = withoutBegin
    return file
  }

  /// Refuses statistics where nothing uses them, and what belongs to them where there are none.
  ///
  /// - Parameters:
  ///   - source: the option that names them, if one is given.
  ///   - method: `nil` where a patch will say.
  func requireUse(of source: String?, by method: EditMethod?) throws {
    if withoutBegin, source == nil {
      throw ValidationError("--without-begin is for statistics; give --statistics FILE.")
    }
    guard let source else { return }
    if noSecondMoment {
      throw ValidationError("--no-second-moment goes without \(source); give one of them.")
    }
    if let method, !method.usesSecondMoment, !(method.readsText && source == "--corpus") {
      throw ValidationError("\(method.name) uses no second moment: \(source) does not apply.")
    }
  }
}

/// Refuses what does not go together as wrong usage.
func requireUsable(_ options: PlanOptions, for method: EditMethod?) throws {
  do { try options.validate(for: method) } catch let error as EditError {
    throw ValidationError(ErrorReport.sentence(error))
  }
}
