import ArgumentParser
import Editing
import LinearAlgebra
import ModelFiles
import Patches

struct SolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solve", abstract: "Turns keys and residuals into a patch.",
    discussion: """
      For every edited weight W of the keys file: solves for the update that stores the new values while moving known \
      keys least, rounds it, measures what is left of it, and stores it as low-rank factors with all that reverting needs.

      Methods: memit, emmet (also emt), rome, pmet, alphaedit, ultraedit. The second moment comes from --statistics; \
      --no-second-moment goes without.

      Example:
        errata solve llama/ --keys edit.keys.safetensors --statistics llama.stats.safetensors -o fix.errata
      """)
  @Argument(help: "The model; only read.")
  var model: String
  @Option(help: "Keys and residuals (Formats/keys.md).")
  var keys: String
  @Option(help: "Second moments (Formats/statistics.md).")
  var statistics: String?
  @Option(name: .shortAndLong, help: "The patch.")
  var output: String
  @Option(help: "Layers to edit: 3-8, or 3,5,8 (default: all of the keys file).")
  var layers: LayerList?
  @Option(help: "Take only the first so many edits.")
  var limit: Int?
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @Option(
    name: .customLong("orientation"),
    help: "How weights of unknown families are stored (default: output-major).")
  var way: Way?
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var messages: OutputOptions

  enum Way: String, ExpressibleByArgument, CaseIterable {
    case outputMajor = "output-major"
    case inputMajor = "input-major"
  }

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit takes a number above zero.") }
    if EditMethod(name: method.method)?.hasClosedForm == false {
      throw ValidationError("\(method.method) trains a weight instead of solving for it; use `errata edit`.")
    }
  }

  func run() throws {
    try doing("cannot solve for the edits in \(keys)", messages) {
      let file = try openModel(model, threads: threads.count, messages)
      try requireDistinct(output, from: file.inputPaths + [keys] + (statistics.map { [$0] } ?? []))
      try BLASLibrary.load()
      var run = EditRun(
        model: file, keys: try KeysFile(keys), statistics: try statistics.map { try method.statistics($0) },
        settings: try method.settings(), options: storage.options(threads: threads.count),
        orientation: way.flatMap { .init(rawValue: $0.rawValue) })
      run.layers = layers?.numbers
      run.limit = limit
      run.recordsCost = storage.recordCost
      if let statistics = run.statistics { try warnOfOrigin(statistics, for: file, messages) }
      let card = try run.write(to: output, tool: Errata.tool) { weight, phase in
        if messages.verbose { messages.say("\(weight): \(phase)") }
      }
      report(card)
    }
  }

  private func report(_ card: EditReportCard) {
    for warning in card.warnings { messages.say("Warning: \(warning)") }
    guard let patch = card.patch else { return }
    messages.answer(Shown.patch(patch, verbose: messages.verbose).text)
    messages.say("The patch is \(output). Nothing else was changed.")
    guard messages.json else { return }
    Console.output(card.json(path: output).indentedText)
  }
}

/// Layers as people write them: 3-8 or 3,5,8.
struct LayerList: ExpressibleByArgument {
  let numbers: Set<Int>

  init?(argument: String) {
    var numbers: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends[0], let last = ends.last ?? nil, first >= 0, first <= last,
        last < 10_000
      else { return nil }
      numbers.formUnion(first...last)
    }
    self.numbers = numbers
  }
}

/// What is solved.
struct MethodOptions: ParsableArguments {
  @Option(help: "memit, emmet, rome, pmet, alphaedit or ultraedit; `edit` also trains: ft-l.")
  var method = "memit"
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

  func validate() throws {
    guard EditMethod(name: method) != nil else {
      throw ValidationError(
        "--method takes memit, emmet, rome, pmet, alphaedit, ultraedit or ft-l, not \(method).")
    }
    if nullSpaceThreshold != nil, nullSpaceShare != nil {
      throw ValidationError("Give one of --null-space-threshold and --null-space-share.")
    }
  }

  /// Opens statistics as the options ask.
  func statistics(_ path: String) throws -> StatisticsFile {
    var file = try StatisticsFile(path)
    file.excludesBegin = withoutBegin
    return file
  }

  func settings() throws -> UpdateSettings {
    guard let method = EditMethod(name: method) else { throw ValidationError("Unknown method \(method).") }
    var settings = UpdateSettings(method: method)
    if let secondMomentWeight { settings.secondMomentWeight = secondMomentWeight }
    if let ridge { settings.ridge = ridge }
    if let nullSpaceThreshold { settings.nullSpaceThreshold = .absolute(nullSpaceThreshold) }
    if let nullSpaceShare { settings.nullSpaceThreshold = .relative(nullSpaceShare) }
    if noSecondMoment { settings.usesSecondMoment = false }
    return settings
  }
}

/// How the update is stored.
struct StorageOptions: ParsableArguments {
  enum Factor: String, ExpressibleByArgument, CaseIterable { case f16, f32 }
  enum Rounding: String, ExpressibleByArgument, CaseIterable { case nearest, stochastic }
  @Option(help: "Type of the stored factors; f32 doubles the patch.")
  var factorType = Factor.f16
  @Option(help: "nearest, or stochastic, which keeps small edits alive in BF16 and F16.")
  var rounding = Rounding.nearest
  @Option(help: "Seed of stochastic rounding, and of the contexts that `edit` generates.")
  var seed: UInt64 = 0
  @Flag(
    help: ArgumentHelp(
      "Keep in the patch what making it took, by phase: seconds, processor seconds and peak memory. The same inputs then no longer give the same bytes."
    ))
  var recordCost = false

  func options(threads: Int) -> LowRankOptions {
    var options = LowRankOptions()
    options.factorType = factorType == .f16 ? .f16 : .f32
    options.rounding = rounding == .nearest ? .nearest : .stochastic(seed: seed)
    options.threads = threads
    return options
  }
}
