internal import Floor
internal import ModelFiles
internal import Patches
public import Transformer

/// Traces a list of facts, one after the other, into a file that a run which was killed goes on with.
public struct Tracing {
  /// The model, ready to run; its weights are only read.
  public let network: Network
  /// The model's tokenizer.
  public let tokenizer: Tokenizer
  /// How runs are corrupted and what is restored.
  public let settings: TraceSettings
  /// The noise's standard deviation: `settings.noise` times that of the subjects' embeddings.
  public let deviation: Double
  private let identity: PlanIdentity

  /// Prepares to trace.
  ///
  /// - Parameter facts: those whose subjects' embeddings scale the noise: all of a file, so that it does not depend on how many of them
  ///   are traced.
  /// - Throws: `EditError.noEdits` where there are none that could be traced.
  public init(
    network: Network, tokenizer: Tokenizer, settings: TraceSettings, scaledBy facts: [Fact]
  ) throws {
    (self.network, self.tokenizer, self.settings) = (network, tokenizer, settings)
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    // What cannot be put to the network is refused when it is to be traced.
    let subjects = facts.flatMap { fact -> ArraySlice<Int32> in
      guard let prompt = try? TracePrompt(fact, encoder: encoder) else { return [] }
      return prompt.tokens[prompt.subject]
    }
    guard let unit = try TraceNoise.deviation(of: subjects, in: network) else { throw EditError.noEdits }
    deviation = settings.noise * unit
    identity = settings.identity(
      deviation: deviation, model: try network.model.fingerprint().hexadecimal,
      tokenizer: try tokenizer.fingerprint(of: network.model).hexadecimal)
  }

  /// Seconds between two writes of the file: a kill costs no more than the facts of so long.
  static let saveInterval = 10.0

  /// The part of the facts that is traced; all where `nil`.
  public var part: Corpus.Shard?
  /// Asked after each fact; where it says so, what there is is saved and the run ends.
  public var isStopping: () -> Bool = { false }

  /// Traces facts.
  ///
  /// - Parameters:
  ///   - path: a file of what was traced before with the same settings, which is gone on with; none is kept where `nil`.
  ///   - progress: is told how many more facts are done.
  /// - Returns: these facts alone, whatever else the file holds, and how many of them it knew.
  /// - Throws: `EditError.otherTrace` where the file was made with other settings, another model or of another part; `PartsError.stopped`.
  public func trace(
    _ facts: [Fact], to path: String? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> (file: TraceFile, known: Int) {
    let whole = NamedFacts(facts)
    let place = part.map { TracePart($0, of: whole.names) }
    let own = whole.facts.enumerated().filter { part?.contains($0.offset) ?? true }
    var file = try opened(path, place)
    let tracer = FactTracer(
      network: network, encoder: PromptEncoder(tokenizer, for: network.configuration), settings: settings,
      noise: TraceNoise(deviation: deviation, seed: settings.seed))
    progress(facts.count - own.count)
    var known = 0
    // A file that has all that is asked for stays as it is.
    var isNew = path.map { !Folder.fileExists($0) } ?? false
    var saved = ProcessUse.wallSeconds
    for (done, (index, fact)) in own.enumerated() {
      if let path, isStopping() {
        try file.write(to: path)
        throw PartsError.stopped(file: path, done: "\(done) of \(own.count) facts")
      }
      if file.knows(whole.names[index]) {
        known += 1
      } else {
        file.append(try tracer.trace(fact), at: part == nil ? nil : index)
        isNew = true
      }
      progress(1)
      if let path, ProcessUse.wallSeconds - saved > Self.saveInterval {
        try file.write(to: path)
        saved = ProcessUse.wallSeconds
      }
    }
    if let path, isNew { try file.write(to: path) }
    return (file.selecting(Set(own.map { whole.names[$0.offset] })), known)
  }

  /// The file that is gone on with, or a new one.
  private func opened(_ path: String?, _ place: TracePart?) throws -> TraceFile {
    let layerCount = network.configuration.layerCount
    var identity = identity
    if let place { identity = place.identity(of: identity) }
    guard let path, Folder.fileExists(path) else {
      return TraceFile(identity: identity, layerCount: layerCount)
    }
    let file = try TraceFile(path)
    if let difference = file.identity.difference(from: identity) {
      throw EditError.otherTrace(file: path, difference)
    }
    guard file.layerCount == layerCount else {
      throw EditError.traceOfOtherModel(file: path, layers: file.layerCount, model: layerCount)
    }
    return file
  }
}

/// Facts, each once, with what a file of traces calls them.
private struct NamedFacts {
  private(set) var names: [[String]] = []
  private(set) var facts: [Fact] = []

  init(_ all: [Fact]) {
    var known: Set<[String]> = []
    for fact in all {
      let name = [fact.prompt, fact.subject, fact.formerTarget ?? fact.target]
      guard known.insert(name).inserted else { continue }
      names.append(name)
      facts.append(fact)
    }
  }
}
