public import Floor
public import ModelFiles
public import Patches
public import Transformer

/// Memories that stand beside a model's weights, read once: which fact speaks to a prompt, and what becomes of the prompt then.
///
/// The route is decided on the prompt alone, before anything is generated or scored.
public struct Memory: Sendable {
  /// One memory with its router.
  struct Source: Sendable {
    let path: String
    let router: MemoryRouter
    var arrays: MemoryArrays { router.arrays }
  }

  let sources: [Source]
  /// What reads prompts for routes that look at states; `nil` where there is no such route.
  var states: PromptStates?
  /// Models that answer in the place of the one that is asked, by their digests.
  var seconds: [Digest: SecondModel] = [:]

  init(sources: [Source]) { self.sources = sources }

  /// Opens the memories among patches, in their order; `nil` where none has one.
  ///
  /// - Throws: `PatchError` for what is damaged.
  public init?(_ patches: [PatchFile], threads: Int) throws {
    sources = try patches.compactMap { patch in
      try MemoryArrays(patch, threads: threads).map {
        Source(path: patch.path, router: MemoryRouter(arrays: $0))
      }
    }
    if sources.isEmpty { return nil }
  }

  /// Gives routes that look at what a model makes of a prompt the model that they are bound to, unedited.
  mutating func read(with network: Network, _ encoder: PromptEncoder) throws {
    guard !choices.isEmpty else { return }
    states = PromptStates(network: try network.overlaid(WeightOverlay()), encoder: encoder)
  }

  /// What routes look at of prompts' states.
  private var choices: Set<StateChoice> {
    Set(sources.flatMap(\.arrays.section.parts).compactMap(\.route.states))
  }

  /// Looks at many prompts, so that `recall` finds them known.
  public func prepare(_ prompts: [String]) throws {
    guard let states else { return }
    let questions = Set(prompts.map { MemoryText.bareQuestion(of: $0) }).sorted()
    for choice in choices { _ = try states.states(of: questions, choice) }
  }

  /// Number of facts.
  public var factCount: Int { sources.reduce(0) { $0 + $1.arrays.section.factCount } }

  /// Refuses states of another model.
  ///
  /// - Throws: `EditError.memoryOfOtherModel`.
  public func requireModel(_ model: ModelFile, threads: Int) throws {
    for source in sources {
      guard let wanted = source.arrays.section.base.model else { continue }
      let found = try model.digest(threads: threads)
      guard found == wanted else {
        throw EditError.memoryOfOtherModel(file: source.path, expected: wanted, found: found)
      }
    }
  }

  /// Memories of text that were made for another model than this.
  public func strangers(to model: ModelFile) throws -> [String] {
    let own = try model.fingerprint()
    return sources.filter { $0.arrays.section.base.fingerprint != own }.map(\.path)
  }

  /// A fact that speaks.
  public struct Recall: Sendable, Equatable {
    /// The patch that it is of.
    public let path: String
    /// Its number in its memory, from 0.
    public let index: Int
    /// The fact; of a memory whose facts always speak, the first.
    public let fact: Fact
    /// Facts that speak with it.
    public let count: Int
    /// How it was found.
    public let route: MemoryRoute
    /// How near the prompt is to it, from 0 to 1.
    public let score: Double
    /// What is read before the prompt.
    public let before: String
    /// What is read behind it.
    public let after: String
    /// The digest of the model that answers; `nil` where that is the model itself.
    public var second: Digest? = nil

    /// The prompt as the model reads it.
    public func text(_ prompt: String) -> String { before + prompt + after }
  }

  /// The fact that speaks to a prompt, of all memories the nearest, of equals the last; `nil` where none does.
  ///
  /// - Parameter fits: whether a text has room in the model itself, or in the one that answers in its place; the demonstrations farthest from the
  ///   fact are left out until it has.
  /// - Throws: `PatchError.badMemory` where a fact is none.
  public func recall(
    _ prompt: String, fits: (String, SecondModel?) -> Bool = { _, _ in true }
  ) throws -> Recall? {
    guard let best = try best(prompt, where: { $0.text != nil }) else { return nil }
    let second = best.part.action.secondModel.flatMap { seconds[$0] }
    return try recall(best.source, best.part, best.match, prompt) { fits($0, second) }
  }

  /// A fact that speaks, with where it is from.
  private typealias Found = (source: Source, part: MemorySection.Part, match: MemoryRouter.Match)

  /// The nearest fact of the parts with an action, of equals the last.
  private func best(_ prompt: String, where has: (MemoryAction) -> Bool) throws -> Found? {
    var best: Found?
    for source in sources {
      for (number, part) in source.arrays.section.parts.enumerated() {
        guard has(part.action), let match = try source.router.match(prompt, part: number, states: states)
        else { continue }
        if best.map({ $0.match.score <= match.score }) ?? true { best = (source, part, match) }
      }
    }
    return best
  }

  /// What the model asks itself by: of several parts with a loop the last one's; `nil` without any.
  public var loop: MemoryLoop? {
    sources.flatMap(\.arrays.section.parts).last { $0.action.loop != nil }?.action.loop
  }

  /// The fact that speaks to a question that the model asks itself.
  func look(for subquestion: String) throws -> Recall? {
    guard let found = try best(subquestion, where: { $0.loop != nil }) else { return nil }
    return Recall(
      path: found.source.path, index: found.match.fact, fact: try fact(found.match.fact, of: found.source),
      count: 1, route: found.part.route, score: found.match.score, before: "", after: "")
  }

  private func fact(_ index: Int, of source: Source) throws -> Fact {
    guard let fact = Fact(json: try source.arrays.fact(index)) else {
      throw PatchError.badMemory(file: source.path, array: "facts")
    }
    return fact
  }

  private func recall(
    _ source: Source, _ part: MemorySection.Part, _ match: MemoryRouter.Match, _ prompt: String,
    _ fits: (String) -> Bool
  ) throws -> Recall? {
    guard let template = part.action.text else { return nil }
    let facts = try (part.route == .always ? Array(part.facts) : [match.fact]).map {
      try fact($0, of: source)
    }
    var shown = part.route == .always ? [] : source.arrays.demonstrations(of: match.fact)
    while true {
      let demonstrations = shown.map { source.arrays.text("demonstrations", $0) }.joined()
      let (before, after) = MemoryTemplate(template).filled(facts, demonstrations: demonstrations)
      if shown.isEmpty || fits(before + prompt + after) {
        return Recall(
          path: source.path, index: match.fact, fact: facts[0], count: facts.count, route: part.route,
          score: match.score, before: before, after: after, second: part.action.secondModel)
      }
      shown.removeFirst()
    }
  }
}

/// A text with places for a fact and the question. `Formats/memory.md`, *Actions*.
struct MemoryTemplate {
  let text: String

  init(_ text: String) { self.text = text }

  /// What stands before and behind the question, nothing filled in.
  var aroundQuestion: (before: String, after: String) {
    let parts = text.split(separator: MemoryAction.question, maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
  }

  /// What stands before and behind the question. What a fact says is never taken for a place.
  func filled(_ facts: [Fact], demonstrations: String) -> (before: String, after: String) {
    var sides = ["", ""]
    var side = 0
    var rest = Substring(text)
    func joined(_ value: (Fact) -> String) -> String { facts.map(value).joined(separator: "\n") }
    while let open = rest.firstIndex(of: "{") {
      sides[side] += rest[..<open]
      guard let close = rest[open...].firstIndex(of: "}") else {
        rest = rest[open...]
        break
      }
      let name = rest[rest.index(after: open)..<close]
      switch name {
      case "question": side = 1
      case "demonstrations": sides[side] += demonstrations
      case "fact": sides[side] += joined(\.statement)
      case "prompt": sides[side] += joined(\.filledPrompt)
      case "subject": sides[side] += joined(\.subject)
      case "target": sides[side] += joined(\.target)
      default:
        sides[side] += "{"
        rest = rest[rest.index(after: open)...]
        continue
      }
      rest = rest[rest.index(after: close)...]
    }
    sides[side] += rest
    return (sides[0], sides[1])
  }
}

extension Memory: Equatable {
  /// Whether both are of the same patches.
  public static func == (one: Memory, other: Memory) -> Bool {
    one.sources.map(\.arrays.patch.digest) == other.sources.map(\.arrays.patch.digest)
  }
}
