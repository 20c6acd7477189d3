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
    var make: () throws -> (network: Network, edit: MadeEdit?)

    /// Joins the three, for a network without edits of ours.
    public init(records: Range<Int>, identity: String, network: @escaping () throws -> Network) {
      self.init(records: records, identity: identity) { (try network(), nil) }
    }

    init(
      records: Range<Int>, identity: String, make: @escaping () throws -> (network: Network, edit: MadeEdit?)
    ) {
      (self.records, self.identity, self.make) = (records, identity, make)
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
    var cost = EvaluationCost()
    var makingCost: [PhaseCost] = []
    var answers: [RecordAnswers] = []
    var taskMeasures: [[Measure: Double]] = []
    var edits: [MadeEdit?] = []
    for part in parts {
      let identity = identity(of: part, settings)
      var made: Network?
      // What an earlier process took for the edit, not what making it again takes.
      var edit = results?.edit(of: identity)
      var taken: (begin: ProcessUse, end: ProcessUse)?
      func network() throws -> Network {
        if let made { return made }
        let begin = ProcessUse.now()
        let (network, newEdit) = try part.make()
        taken = (begin, .now())
        if edit == nil, let newEdit {
          edit = newEdit
          try results?.append(newEdit, of: identity, label: label)
        }
        made = network
        return network
      }
      answers += try ask(part, identity, label, settings, network, &cost, progress)
      if !tasks.isEmpty, !demonstrating {
        taskMeasures.append(try perform(identity, label, network, &cost))
      }
      edits.append(edit)
      if let taken, let making { makingCost.add(making, from: taken.begin, to: taken.end) }
    }
    cost.phases = makingCost + cost.phases
    cost.peakMemory = ProcessUse.now().peakMemory
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
    _ part: Part, _ identity: String, _ label: String, _ settings: EvaluationSettings,
    _ network: () throws -> Network, _ cost: inout EvaluationCost, _ progress: (Int) -> Void
  ) throws -> [RecordAnswers] {
    let wanted = Array(records[part.records])
    var found = wanted.map {
      results?.answers(of: identity, record: $0.fingerprint, identifier: $0.fact.identifier)
    }
    let missing = found.indices.filter { found[$0] == nil }
    progress(wanted.count - missing.count)
    guard !missing.isEmpty else { return found.map { $0! } }
    let evaluation = Evaluation(
      network: try network(), tokenizer: tokenizer, settings: settings, references: references)
    let begin = ProcessUse.now()
    var next = 0
    try evaluation.ask(missing.map { wanted[$0] }) { answers in
      for answer in answers {
        let record = missing[next]
        try results?.append(answer, of: identity, label: label, record: wanted[record].fingerprint)
        found[record] = answer
        next += 1
      }
      progress(answers.count)
    }
    cost.add("asking", since: begin)
    cost.asked += missing.count
    return found.map { $0! }
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
    try results?.append(line, of: identity, label: label, record: own)
    return line.texts
  }
}
