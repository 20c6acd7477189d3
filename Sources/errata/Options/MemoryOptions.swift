import ArgumentParser
import Editing
import Patches

/// When a fact of a memory speaks, and what is read then.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Methods that leave the weights alone: which fact speaks to a prompt. always: all; subject: the one whose subject stands in its last sentence; words[:share]: the one whose words stand there, by weight to this share (0.8); near[:characters]: the one whose prompt is so few changes away (5); embedding[:cosine]: the one whose prompt the model's layers (--layers) make most alike, from this cosine on; subject+embedding[:cosine]: both (default: the cosine that best tells the facts' paraphrases from their other prompts).",
      valueName: "route"), transform: RouteArgument.init)
  var route: RouteArgument?
  @Option(
    help: ArgumentHelp(
      "ike: what stands before a fact: so many of the other facts, or up to 32 of the records of a file, copied, reworded and left alone as IKE does (default: none; published: 32).",
      valueName: "number or file"))
  var demonstrations: String?
  @Option(
    help:
      "grace: ε₀, the radius within which a state is a fact's (default: a fiftieth of the keys' mean length, at most 1 as published; released: 1)."
  )
  var radius: Double?
  @Option(
    help: ArgumentHelp(
      "grace: released, where a prompt that is edited again loses both answers (default: the later one stands). memprompt: released, the note behind the question and ### before the answer, for models that are shown so. serac: released, the fact and the question one behind the other, for models that are trained so. kn: easyedit, whose port takes one gradient where nothing goes into the activation (--steps 20 for GPT-2 and GPT-J), and adds rows of the embedding at full length.",
      valueName: "code"))
  var like: Like?
  @Option(
    help: ArgumentHelp(
      "The text that a prompt is put into: {question} once, and {fact}, {prompt}, {subject}, {target}, {demonstrations}.",
      valueName: "text"))
  var wording: String?

  @Option(
    help: ArgumentHelp(
      "mello: rounds in which the model asks itself, at most (default: 6, for questions of four steps and two rounds more; published: 4, in which none of four steps comes to its end).",
      valueName: "number"))
  var generations: Int?
  @Option(
    help:
      "wise: retrieve, where each side weight is for itself and a prompt reads the one that it activates most (default), or ties, where all are made one, as published for many facts."
  )
  var merge: Merge?
  @Option(
    help:
      "wise: side weights that the facts are spread over (default: one for each fact, at most 512; with --merge ties 2, as published)."
  )
  var sideWeights: Int?
  @Option(
    help: ArgumentHelp(
      "wise: where the threshold lies on the way from what other prompts activate at most (0) to what the facts' own do at least (1; default: \(SideWeightSettings().thresholdShare); published: 1).",
      valueName: "share"))
  var thresholdShare: Double?

  enum Like: String, ExpressibleByArgument, CaseIterable { case released, easyedit }
  enum Merge: String, ExpressibleByArgument, CaseIterable { case retrieve, ties }

  /// Those that are given.
  var given: [String] {
    [
      ("--route", route != nil), ("--demonstrations", demonstrations != nil), ("--wording", wording != nil),
      ("--radius", radius != nil), ("--like released", like == .released),
      ("--generations", generations != nil),
      ("--merge", merge != nil), ("--side-weights", sideWeights != nil),
      ("--threshold-share", thresholdShare != nil),
    ]
    .filter(\.1).map(\.0)
  }

  func validate() throws {
    if let count = demonstrations.flatMap({ Int($0) }), count < 0 || count > 1000 {
      throw ValidationError("--demonstrations takes a file, or a number from 0 to 1000.")
    }
    if let radius, !(radius > 0 && radius.isFinite) {
      throw ValidationError("--radius takes a number above zero.")
    }
    if let generations, !MemoryLoop.generationRange.contains(generations) {
      throw ValidationError("--generations takes a number from 1 to 64.")
    }
    if let sideWeights, sideWeights < 1 {
      throw ValidationError("--side-weights takes a number above zero.")
    }
    if let thresholdShare, !(thresholdShare > 0 && thresholdShare <= 1) {
      throw ValidationError("--threshold-share takes a number above zero, at most 1.")
    }
    if let wording, MemoryAction(text: wording) == nil {
      throw ValidationError("--wording has {question} once, and at most 65536 bytes.")
    }
  }

  /// What a fact does: that of the memory to go on with or the method's, with what is told of it.
  func action(of method: MemoryMethod, last: MemoryAction?) -> MemoryAction {
    var action = (like == .released ? method.released : nil) ?? last ?? method.action
    if let second = last?.secondModel { action = action.asking(second) }
    guard var loop = action.loop else {
      guard let told = wording.flatMap({ MemoryAction(text: $0) }) else { return action }
      return action.secondModel.map { told.asking($0) } ?? told
    }
    (loop.text, loop.generations) = (wording ?? loop.text, generations ?? loop.generations)
    return .loop(loop)
  }

  /// A route whose numbers are all told, if one is given.
  var told: MemoryRoute? { if case .told(let route) = route { route } else { nil } }

  /// The route by embeddings that is asked for, or that a method or the memory to go on with has.
  func embedding(of method: MemoryMethod, last: MemoryRoute? = nil) -> EmbeddingRoute? {
    if case .embedding(let route) = route { return route }
    guard route == nil else { return nil }
    guard case .embedding(_, _, let bySubject)? = last else { return last == nil ? method.embedding : nil }
    return EmbeddingRoute(bySubject: bySubject)
  }

  /// Refuses what means nothing to a method.
  func requireUse(by method: MemoryMethod) throws {
    let foreign =
      (method.action == .replaceOutput
        ? [] : [("--radius", radius != nil), ("--like", like != nil && method.released == nil)])
      + (method.action == .replaceWeight
        ? []
        : [
          ("--merge", merge != nil), ("--side-weights", sideWeights != nil),
          ("--threshold-share", thresholdShare != nil),
        ])
    if let option = foreign.first(where: \.1)?.0 {
      throw ValidationError("\(option) does not apply to \(method.name).")
    }
    if like == .easyedit { throw ValidationError("--like easyedit does not apply to \(method.name).") }
    if generations != nil, method.action.loop == nil {
      throw ValidationError("--generations does not apply to \(method.name): it asks nothing itself.")
    }
    let isOfStates = method.isOfStates
    if isOfStates, wording != nil { throw ValidationError("--wording does not apply to \(method.name).") }
    if isOfStates, route != nil {
      throw ValidationError("--route does not apply to \(method.name): it looks at the model's own states.")
    }
    if let route, !method.routes.contains(route.name) {
      throw ValidationError(
        "--route \(route.name) does not apply to \(method.name): it takes \(method.routes.joined(separator: ", "))."
      )
    }
    if demonstrations != nil, method.demonstrationCount == 0 {
      throw ValidationError("--demonstrations does not apply to \(method.name).")
    }
  }

  /// How side weights are made.
  var side: SideWeightSettings {
    var settings = SideWeightSettings()
    settings.merging = merge.flatMap { .init(rawValue: $0.rawValue) } ?? settings.merging
    settings.shardCount = sideWeights
    settings.thresholdShare = thresholdShare ?? settings.thresholdShare
    return settings
  }

  /// What stands before each fact.
  ///
  /// - Parameter records: the facts, which serve for each other where no file is named.
  func demonstrations(_ records: [FactRecord], of method: MemoryMethod) throws -> Demonstrations? {
    guard let demonstrations, Int(demonstrations) == nil else {
      let count = self.demonstrations.flatMap { Int($0) } ?? 0
      return count > 0 ? Demonstrations(count, from: [], then: records) : nil
    }
    var reading = FactsReading()
    reading.subjects = .free
    let count = method.demonstrationCount
    return Demonstrations(count, from: try FactsFile(demonstrations, reading).checked())
  }
}
