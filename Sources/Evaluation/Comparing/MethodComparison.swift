public import Editing
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
public import Patches
public import Transformer

/// Edits the records by several methods, each batch in memory, and asks about them.
public struct MethodComparison {
  /// The unedited network.
  public let network: Network
  /// Second moments for the methods that take them.
  public let statistics: StatisticsFile?
  /// How updates are stored, which decides what rounding leaves of them.
  public let options: LowRankOptions
  /// Where patches lie while they are read; a folder, or the beginning of a name.
  public let scratch: String
  /// Texts around the prompts; generated once where `nil`.
  public var contexts: [ContextTemplate]?
  /// Whether the values stay beside the file of results, for a run that goes on.
  public var keepsValues = false
  /// The runs made.
  public private(set) var compared: [ComparedRun] = []

  /// Gathers what the edits share.
  ///
  /// - Parameter scratch: the beginning of the names of files that are written on the way.
  public init(network: Network, statistics: StatisticsFile?, options: LowRankOptions, scratch: String) {
    self.network = network
    self.statistics = statistics
    self.options = options
    self.scratch = scratch
  }

  /// Edits by a method in several ways and asks after each.
  ///
  /// - Parameter progress: is told of each way, and how many more records are done.
  public mutating func compare(
    _ recipe: EditRecipe, _ ways: [EditWay], in series: inout EvaluationSeries,
    progress: (String, Int) -> Void
  ) throws {
    if contexts == nil {
      contexts = try FactEditRun(
        network: network, tokenizer: series.tokenizer, records: series.records, statistics: statistics,
        recipe: recipe, options: options
      ).usedContexts()
    }
    let maker = EditMaker(
      network: network, tokenizer: series.tokenizer, statistics: statistics, recipe: recipe, options: options,
      contexts: contexts, scratch: scratch)
    defer { if !keepsValues { Folder.remove(maker.valuesPath) } }
    for way in ways {
      let label = "\(recipe.update.method.rawValue), \(way.title)"
      maker.begin()
      do {
        let run = try series.run(
          label, parts: parts(way, series.records, maker), making: "editing",
          progress: { progress(label, $0) })
        var row = ComparedRun(method: recipe.update.method.rawValue, way: way, run: run)
        row.norms = maker.meanNorms
        if run.cost.asked == run.answers.count, run.cost.asked > 0 {
          let values =
            way.isSequence ? 0 : maker.valueSeconds * Double(run.answers.count) / Double(series.records.count)
          row.secondsPerEdit =
            ((run.cost["editing"] ?? 0) - maker.valueSecondsNow + values) / Double(run.answers.count)
        }
        compared.append(row)
      } catch let error where error is EditError || error is FactsError {
        var row = ComparedRun(method: recipe.update.method.rawValue, way: way, run: nil)
        row.refusal = error
        compared.append(row)
      }
    }
  }

  /// Takes a run without edits as a row.
  public mutating func add(_ run: EvaluatedRun, method: String) {
    compared.append(ComparedRun(method: method, way: nil, run: run))
  }

  private func parts(_ way: EditWay, _ records: [FactRecord], _ maker: EditMaker) -> [EvaluationSeries.Part] {
    let ranges: [Range<Int>]
    switch way {
    case .batches(let size):
      ranges = stride(from: 0, to: records.count, by: size).map { $0..<min($0 + size, records.count) }
    case .sequence(let count, _): ranges = [0..<min(count, records.count)]
    }
    return ranges.map { range in
      .init(records: range, identity: maker.identity(of: way, Array(records[range]))) {
        try maker.network(of: way, range, records)
      }
    }
  }
}

extension EditWay {
  var isSequence: Bool { if case .sequence = self { true } else { false } }
}

/// Makes the edits of one method.
final class EditMaker {
  private let network: Network
  private let tokenizer: Tokenizer
  private let statistics: StatisticsFile?
  private let recipe: EditRecipe
  private let options: LowRankOptions
  private let contexts: [ContextTemplate]?
  private let scratch: String
  private var values: ValuesFile?
  private var norms: [String: [Double]] = [:]
  /// Seconds that finding the values of all records took.
  private(set) var valueSeconds = 0.0
  /// Of those, what falls into the running way.
  private(set) var valueSecondsNow = 0.0

  init(
    network: Network, tokenizer: Tokenizer, statistics: StatisticsFile?, recipe: EditRecipe,
    options: LowRankOptions, contexts: [ContextTemplate]?, scratch: String
  ) {
    (self.network, self.tokenizer, self.statistics, self.recipe) = (network, tokenizer, statistics, recipe)
    (self.options, self.contexts, self.scratch) = (options, contexts, scratch)
  }

  /// Named by what the values depend on, so that a file left by another run is not taken for ours.
  lazy var valuesPath: String = {
    let texts = (contexts ?? []).map(\.text).joined(separator: "\n")
    let name = Digest(of: Array("\(recipe)\n\(texts)".utf8)).abbreviation
    return "\(scratch).\(recipe.update.method.rawValue)-\(name).values"
  }()

  func begin() {
    norms = [:]
    valueSecondsNow = 0
  }

  var meanNorms: [(weight: String, relativeNorm: Double)] {
    norms.keys.sorted().map { ($0, mean(norms[$0]!)!) }
  }

  /// Everything that the edited network depends on beside the model.
  func identity(of way: EditWay, _ records: [FactRecord]) -> String {
    let texts = (contexts ?? []).map(\.text).joined(separator: "\n")
    let facts = records.map { "\($0.fact)" }.joined(separator: "\n")
    return "edit \(way) \(recipe) \(options.factorType) \(options.rounding) "
      + "\(statistics?.container.path ?? "")\n\(texts)\n\(facts)"
  }

  func network(of way: EditWay, _ range: Range<Int>, _ records: [FactRecord]) throws -> Network {
    BLASThreads.count = network.threads
    var run = try run(Array(records[range]))
    switch way {
    case .batches: run.knownValues = try known(records).map { [$0] } ?? []
    case .sequence(_, let batch):
      // As published, each batch's values are found on the network that the batches before it left.
      run.accumulates = true
      run.batch = recipe.update.method == .rome ? 1 : batch
    }
    let path = "\(scratch).\(getpid()).errata"
    defer { Folder.remove(path) }
    Folder.remove(path)
    let report = try run.write(to: path, tool: "errata eval")
    for weight in report.card.weights { norms[weight.name, default: []].append(weight.relativeNorm) }
    var overlay = WeightOverlay()
    let patch = try PatchRun(PatchFile(path), network.model, threads: network.threads)
    for (tensor, bytes) in try patch.tensors(.apply) { overlay[tensor] = bytes }
    return try network.overlaid(overlay)
  }

  private func run(_ records: [FactRecord]) throws -> FactEditRun {
    var run = try FactEditRun(
      network: network, tokenizer: tokenizer, records: records, statistics: statistics, recipe: recipe,
      options: options)
    run.contexts = contexts
    run.keepsEdits = false
    return run
  }

  /// Values of all records, found once: they do not depend on what a fact is stored together with.
  private func known(_ records: [FactRecord]) throws -> ValuesFile? {
    if let values { return values }
    let start = now()
    if !Folder.fileExists(valuesPath) {
      // Two facts with one key have a joint value in one batch and values of their own in others: those are found there.
      do { _ = try run(records).writeValues(to: valuesPath, part: nil) } catch is FactsError {
        // Records that contradict each other may still be edited in different batches.
        return nil
      }
    }
    values = try ValuesFile(valuesPath)
    valueSeconds = now() - start
    valueSecondsNow = valueSeconds
    return values
  }
}
