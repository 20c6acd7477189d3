public import Editing
internal import ModelFiles
public import Transformer

/// Edits the records by several methods, each batch in memory, and asks about them.
public struct MethodComparison {
  /// The unedited network.
  public let network: Network
  /// Second moments for the methods that take them.
  public let statistics: StatisticsFile?
  /// Where values lie meanwhile: the beginning of their names.
  public let scratch: String
  /// Texts around the prompts; generated once where `nil`.
  public var contexts: [ContextTemplate]?
  /// What some methods need beside.
  public var aids = EditAids()
  /// Whether the values stay beside the file of results, for a run that goes on.
  public var keepsValues = false
  /// Whether patches of the edits are weighed, which writes them beside the values and removes them.
  public var weighsPatches = true
  /// Metrics of keys, for all methods.
  private let metrics = MetricCache()
  /// What values took, by what they depend on: methods that differ in their solves alone share them.
  private var ledgers: [String: ValueLedger] = [:]
  /// The runs made.
  public private(set) var compared: [ComparedRun] = []

  /// Gathers what the edits share.
  ///
  /// - Parameter scratch: the beginning of the names of files that are written on the way.
  public init(network: Network, statistics: StatisticsFile?, scratch: String) {
    self.network = network
    self.statistics = statistics
    self.scratch = scratch
  }

  /// Edits by a method in several ways and asks after each.
  ///
  /// - Parameters:
  ///   - name: what the rows are called; the method's where `nil`.
  ///   - progress: is told of each way, and how many more records are done.
  public mutating func compare(
    _ asked: EditPlan, _ ways: [EditWay], named name: String? = nil, in series: inout EvaluationSeries,
    progress: (String, Int) -> Void
  ) throws {
    let name = name ?? asked.method.name
    var plan = asked
    plan.contexts = plan.contexts ?? contexts
    var whole = try Edit(
      network: network, tokenizer: series.tokenizer, records: series.records, statistics: statistics,
      plan: plan)
    whole.aids = aids
    plan = try whole.completedPlan()
    contexts = plan.contexts
    let key = plan.method.optimizesValues ? plan.valueIdentity.text : name
    let ledger = ledgers[key] ?? ValueLedger(plan, series)
    ledgers[key] = ledger
    let maker = EditMaker(
      network: network, tokenizer: series.tokenizer, statistics: statistics, plan: plan, scratch: scratch,
      metrics: metrics, aids: aids, values: ledger, weighsPatches: weighsPatches,
      own: series.part.map { own(ways, series.records.count, of: $0) })
    ledger.files.insert(maker.valuesPath)
    for way in ways {
      let label = "\(name), \(way.title)"
      do {
        let run = try series.run(
          label, parts: parts(way, series.records, maker), making: "editing",
          progress: { progress(label, $0) })
        var row = ComparedRun(method: name, way: way, run: run)
        row.take(run.edits, values: way.isSequence ? nil : maker.values)
        compared.append(row)
      } catch let error
        where series.part == nil && (error is EditError || error is FactsError || error is NetworkError)
      {
        // In a part it is an error: the others do not know of it.
        var row = ComparedRun(method: name, way: way, run: nil)
        row.refusal = error
        compared.append(row)
      }
    }
  }

  /// Keeps the records in memories in several ways and asks after each; in a sequence all facts so far are in one.
  public mutating func compare(
    _ method: MemoryMethod, _ ways: [EditWay], in series: inout EvaluationSeries,
    progress: (String, Int) -> Void
  ) throws {
    let maker = MemoryMaker(
      model: LanguageModel(network: network, tokenizer: series.tokenizer), method: method, aids: aids,
      scratch: scratch)
    _ = try maker.edit([])
    for way in ways {
      let label = "\(method.name), \(way.title)"
      let records = series.records
      let parts = way.ranges(of: records.count).map { range in
        EvaluationSeries.Part(
          records: range, identity: maker.identity(Array(records[range])),
          making: way.isSequence ? .sequence : .batch
        ) { try maker.make(Array(records[range])) }
      }
      let run = try series.run(label, parts: parts, making: "editing", progress: { progress(label, $0) })
      var row = ComparedRun(method: method.name, way: way, run: run)
      row.take(run.edits, values: nil)
      compared.append(row)
    }
  }

  /// Removes the values, unless they are to stay; call it when all methods are compared.
  public func finish() {
    if !keepsValues { for path in ledgers.values.flatMap(\.files) { Folder.remove(path) } }
  }

  /// Takes a run without edits as a row.
  public mutating func add(_ run: EvaluatedRun, method: String) {
    compared.append(ComparedRun(method: method, way: nil, run: run))
  }

  private func parts(_ way: EditWay, _ records: [FactRecord], _ maker: EditMaker) -> [EvaluationSeries.Part] {
    way.ranges(of: records.count).map { range in
      .init(
        records: range, identity: maker.identity(of: way, Array(records[range])),
        making: way.isSequence ? .sequence : .batch
      ) { try maker.make(way, range, records) }
    }
  }

  /// Records that a part edits in batches.
  private func own(_ ways: [EditWay], _ count: Int, of part: Corpus.Shard) -> [Range<Int>] {
    ways.filter { !$0.isSequence }.flatMap { $0.ranges(of: count) }
      .filter { part.owner(of: $0.lowerBound, among: count) == part.number }
  }
}
