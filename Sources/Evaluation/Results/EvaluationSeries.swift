public import Editing
internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import Patches
public import Transformer

/// Runs over the same records: the base first, then whatever is held against it.
public struct EvaluationSeries {
  /// What is asked about.
  public let records: [FactRecord]
  /// The tokenizer of all networks.
  public let tokenizer: Tokenizer
  /// Of every run; one that demonstrates says so itself.
  public let settings: EvaluationSettings
  /// Reference texts.
  public var references: ReferenceTexts?
  /// What is asked beside the records.
  public var tasks = OtherTasks()
  /// Where answers are kept as they come.
  public var results: ResultsFile?
  /// Names the model in the file of results.
  public var model = ""
  /// Which part of the work is done here; all of it where `nil`.
  public var part: Corpus.Shard?
  /// Lines of records and tasks that one run would have written so far.
  private var places = 0
  /// Names every network that was asked, with its records, in order.
  private var asked: [String] = []
  /// Runs so far; the first is the base.
  public private(set) var runs: [EvaluatedRun] = []

  /// Gathers what all runs share.
  public init(records: [FactRecord], tokenizer: Tokenizer, settings: EvaluationSettings) {
    self.records = records
    self.tokenizer = tokenizer
    self.settings = settings
  }

  /// Some records, and the network that is asked about them.
  public struct Part {
    /// Indices of the records.
    public var records: Range<Int>
    /// What makes the network, for the file of results: patches, or an edit.
    public var identity: String
    /// Makes it, and says what was edited for it; not called where all answers are known.
    var make: () throws -> Made
    /// What has to be edited for it; that is not done twice on several machines.
    let making: Making

    enum Making { case nothing, batch, sequence }

    /// What is asked.
    struct Made {
      let network: Network
      /// What was edited for it.
      var edit: MadeEdit?
      /// What speaks beside its weights; that of the whole run where `nil`.
      var memory: Memory?
    }

    /// Joins the three, for a network without edits of ours.
    public init(records: Range<Int>, identity: String, network: @escaping () throws -> Network) {
      self.init(records: records, identity: identity, making: .nothing) { Made(network: try network()) }
    }

    init(
      records: Range<Int>, identity: String, making: Making,
      make: @escaping () throws -> Made
    ) {
      (self.records, self.identity, self.make, self.making) = (records, identity, make, making)
    }
  }

  /// Asks one network, or one for each part of the records, and sums up.
  ///
  /// - Parameters:
  ///   - memory: what speaks beside the weights; the parts' identities name it.
  ///   - making: what the phase of making the networks is called; `nil` where they are there already.
  ///   - recordedCost: what the patch says that making it took.
  ///   - progress: is told how many more records are done.
  @discardableResult
  public mutating func run(
    _ label: String, parts: [Part], demonstrating: Bool = false, memory: Memory? = nil, making: String? = nil,
    recordedCost: WorkCost? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> EvaluatedRun {
    var settings = settings
    settings.demonstrates = demonstrating
    settings.memory = memory
    ProcessUse.forgetPeak()
    var cost = EvaluationCost()
    var makingCost: [PhaseCost] = []
    var answers: [RecordAnswers] = []
    var taskMeasures: [[Measure: Double]] = []
    var edits: [MadeEdit?] = []
    for part in parts {
      let identity = identity(of: part, settings)
      var made: Part.Made?
      // What an earlier process took for the edit, not what making it again takes.
      var edit = results?.edit(of: identity)
      var taken: (begin: ProcessUse, end: ProcessUse)?
      func make() throws -> Part.Made {
        if let made { return made }
        let begin = ProcessUse.now()
        let new = try part.make()
        taken = (begin, .now())
        if edit == nil, let newEdit = new.edit {
          edit = newEdit
          try results?.append(newEdit, of: identity, label: label)
        }
        made = new
        return new
      }
      // A network that was asked before, under whatever name, is not asked again.
      let isNew = !asked.contains(identity)
      asked.append(identity)
      let share = PartShare(
        of: part, among: records.count, run: runs.count, isNew: isNew, for: self.part)
      answers += try ask(part, share, identity, label, settings, make, &cost, progress)
      if isNew { places += part.records.count }
      if !tasks.isEmpty, !demonstrating {
        if share.hasTasks { taskMeasures.append(try perform(identity, label, { try make().network }, &cost)) }
        if isNew { places += 1 }
      }
      edits.append(edit)
      if let taken, let making { makingCost.add(making, from: taken.begin, to: taken.end) }
    }
    cost.phases = makingCost + cost.phases
    cost.peakMemory = cost.phases.map(\.peakMemory).max() ?? ProcessUse.now().peakMemory
    var means: [Measure: Double] = [:]
    for measure in [Measure.choices, .choicesBySum, .perplexity, .routing] {
      means[measure] = mean(taskMeasures.compactMap { $0[measure] })
    }
    var run = EvaluatedRun(
      label: label, answers: answers,
      before: runs.first.map { Array($0.answers.prefix(answers.count)) } ?? answers,
      tasks: means, cost: cost)
    run.recordedCost = recordedCost
    run.edits = edits
    runs.append(run)
    return run
  }

  private func identity(of part: Part, _ settings: EvaluationSettings) -> String {
    let references = settings.writes ? references?.identity : nil
    return key([part.identity, settings.identity] + (references.map { [$0] } ?? []))
  }

  /// Names what depends on these texts, and on the model.
  func key(_ texts: [String]) -> String {
    String(Digest(of: Array(([model] + texts).joined(separator: "\n").utf8)).hexadecimal.prefix(32))
  }

  /// Answers from the file of results, and the rest from the network.
  private func ask(
    _ part: Part, _ share: PartShare, _ identity: String, _ label: String, _ settings: EvaluationSettings,
    _ make: () throws -> Part.Made, _ cost: inout EvaluationCost, _ progress: (Int) -> Void
  ) throws -> [RecordAnswers] {
    let wanted = Array(records[part.records])
    var found = wanted.map {
      results?.answers(of: identity, record: $0.fingerprint, identifier: $0.fact.identifier)
    }
    let known = found.count { $0 != nil }
    progress(known)
    let answers = {
      found.indices.map { found[$0] ?? .init(identifier: wanted[$0].fact.identifier, probes: []) }
    }
    guard known < wanted.count, share.hasRecords else { return answers() }
    let made = try make()
    var settings = settings
    settings.memory = made.memory ?? settings.memory
    let evaluation = Evaluation(
      network: made.network, tokenizer: tokenizer, settings: settings, references: references)
    let begin = ProcessUse.now()
    try evaluation.ask(
      wanted, where: { share.hasChunk($0) && $1.contains { found[$0] == nil } }
    ) { range, answers in
      for (record, answer) in zip(range, answers) where found[record] == nil {
        try results?.append(
          answer, of: identity, label: label, record: wanted[record].fingerprint,
          place: self.part == nil ? nil : places + record)
        found[record] = answer
        cost.asked += 1
        progress(1)
      }
    }
    cost.add("asking", since: begin)
    return answers()
  }

  private func perform(
    _ identity: String, _ label: String, _ network: () throws -> Network, _ cost: inout EvaluationCost
  ) throws -> [Measure: Double] {
    let own = results == nil ? "" : try tasks.identity()
    if let known = results?.answers(of: identity, record: own, identifier: "tasks") {
      return known.texts
    }
    let network = try network()
    let begin = ProcessUse.now()
    var line = RecordAnswers(identifier: "tasks", probes: [])
    line.texts = try tasks.measures(of: network, tokenizer)
    cost.add("tasks", since: begin)
    try results?.append(
      line, of: identity, label: label, record: own, place: part == nil ? nil : places)
    return line.texts
  }

  /// Opens the file that takes this part's answers, or goes on with it.
  ///
  /// - Parameter options: in words, what is asked beside the records, the settings and the tasks.
  /// - Throws: `PartsError.ofOtherWork` where the file is of other work or another part.
  public mutating func openPart(_ shard: Corpus.Shard, at path: String, asking options: [String]) throws {
    part = shard
    let list = records.map { "\($0.fingerprint) \($0.fact.identifier)" }
    let texts =
      [settings.identity, references?.identity ?? "", try tasks.identity()] + options + list
    results = try ResultsFile(path, part: PartNote(shard, of: key(texts)))
  }

  /// Says in the file that the part is done.
  ///
  /// - Returns: answers that it has.
  public func finishPart() throws -> Int {
    try results?.finish(PartEnd(places: places, plan: key(asked)))
    return results?.placedCount ?? 0
  }
}
