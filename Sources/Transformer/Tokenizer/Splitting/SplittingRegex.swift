/// A regular expression that text is split by, for the patterns that have no scanner written by hand.
///
/// A backtracking machine with a stack of its own, so that no text is too long for it. Places that loops over groups have been at are
/// remembered, so that no text takes more steps than program times length.
struct SplittingRegex: Sendable {
  private enum Step: Sendable {
    case one(CompiledSet)
    /// As many as possible, then fewer.
    case run(CompiledSet, least: Int, most: Int, isPossessive: Bool)
    case split(Int, Int, remembers: Bool)
    case jump(Int)
    /// The program in between must match here, or must not.
    case look(end: Int, isPositive: Bool)
    case end
    case wordBoundary
    case success
  }

  /// Sets of which every character is a match by itself.
  private let single: [CharacterSet]
  private let steps: [Step]
  private let classes: CharacterClasses
  /// A pattern such as `\p{N}{3}{1000}` is short and its program long.
  private static let stepLimit = 4096

  /// - Throws: `RegexError` for what is not read.
  init(_ pattern: String, _ reference: CharacterClasses.Reference) throws(RegexError) {
    classes = CharacterClasses(reference)
    let node = try RegexReader.read(pattern, foldsBeyondASCII: reference == .tokenizers)
    var steps: [Step] = []
    try Self.compile(node, into: &steps, classes)
    steps.append(.success)
    self.steps = steps
    single = node.shortest > 0 ? node.singleCharacters : []
  }

  /// Whether every character of every text is in some match, so that nothing lies between two.
  var coversEverything: Bool {
    (0...UInt32(0x10FFFF)).allSatisfy { value in
      // Beyond the first plane, classes are what decides.
      if value >= 0x10000, value & 0xFF != 0 { return true }
      let found = classes.of(value)
      return single.contains { $0.contains(value, found) }
    }
  }

  private static func compile(
    _ node: RegexNode, into steps: inout [Step], _ classes: CharacterClasses
  ) throws(RegexError) {
    guard steps.count < stepLimit else { throw RegexError(construct: "a pattern this long", offset: 0) }
    switch node {
    case .set(let set): steps.append(.one(CompiledSet(set, classes)))
    case .end: steps.append(.end)
    case .wordBoundary: steps.append(.wordBoundary)
    case .sequence(let nodes): for node in nodes { try compile(node, into: &steps, classes) }
    case .alternatives(let nodes):
      var exits: [Int] = []
      for node in nodes.dropLast() {
        let fork = steps.count
        steps.append(.success)
        try compile(node, into: &steps, classes)
        exits.append(steps.count)
        steps.append(.success)
        steps[fork] = .split(fork + 1, steps.count, remembers: false)
      }
      if let last = nodes.last { try compile(last, into: &steps, classes) }
      for exit in exits { steps[exit] = .jump(steps.count) }
    case .lookahead(let node, let isPositive):
      let place = steps.count
      steps.append(.success)
      try compile(node, into: &steps, classes)
      steps.append(.success)
      steps[place] = .look(end: steps.count, isPositive: isPositive)
    case .repeated(.set(let set), let least, let most, let isPossessive):
      steps.append(
        .run(CompiledSet(set, classes), least: least, most: most ?? .max, isPossessive: isPossessive))
    case .repeated(let node, let least, let most, let isPossessive):
      guard !isPossessive else { throw RegexError(construct: "a possessive group", offset: 0) }
      for _ in 0..<least { try compile(node, into: &steps, classes) }
      var forks: [Int] = []
      for _ in least..<(most ?? least + 1) {
        forks.append(steps.count)
        steps.append(.success)
        try compile(node, into: &steps, classes)
      }
      if most == nil, let fork = forks.last { steps.append(.jump(fork)) }
      for fork in forks { steps[fork] = .split(fork + 1, steps.count, remembers: most == nil) }
    }
  }

  /// Where the piece that begins at `start` ends: a match, or what lies before the next one.
  func pieceEnd(in text: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var position = start
    while position < end {
      if let matched = run(0, text, position, end), matched > start {
        return position > start ? position : matched
      }
      position += text.scalar(at: position).length
    }
    return end
  }

  /// Something to go on with when the present way has failed.
  private struct Choice {
    let step: Int
    var position: Int
    /// For a run: its shortest end. It gives one character back at a time.
    let least: Int
  }

  /// The end of a match that begins at a position.
  private func run(_ first: Int, _ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var choices: [Choice] = []
    var visited: Set<Int> = []
    var (step, position) = (first, start)
    while true {
      var hasFailed = false
      switch steps[step] {
      case .success: return position
      case .one(let set):
        let length = position < end ? set.length(text, at: position, classes) : 0
        hasFailed = length == 0
        position += length
        step += 1
      case .run(let set, let least, let most, let isPossessive):
        var count = 0
        var shortest = position
        while count < most, position < end {
          let length = set.length(text, at: position, classes)
          if length == 0 { break }
          position += length
          count += 1
          if count == least { shortest = position }
        }
        hasFailed = count < least
        step += 1
        if !hasFailed, !isPossessive, position > shortest {
          choices.append(Choice(step: step, position: position, least: shortest))
        }
      case .split(let one, let other, let remembers):
        // Seen again at the same place, a loop has gone round for nothing or comes from a way that has failed already.
        if remembers, !visited.insert(step &* (end + 1) &+ position).inserted {
          hasFailed = true
        } else {
          choices.append(Choice(step: other, position: position, least: position))
          step = one
        }
      case .jump(let target): step = target
      case .look(let target, let isPositive):
        hasFailed = (run(step + 1, text, position, end) != nil) != isPositive
        step = target
      case .end:
        hasFailed = position < end
        step += 1
      case .wordBoundary:
        hasFailed = isWord(text, before: position) == (position < end && isWord(text, at: position))
        step += 1
      }
      guard hasFailed else { continue }
      guard var choice = choices.popLast() else { return nil }
      if choice.position > choice.least {
        choice.position = text.start(before: choice.position)
        if choice.position > choice.least { choices.append(choice) }
      }
      (step, position) = (choice.step, choice.position)
    }
  }

  private func isWord(_ text: Span<UInt8>, before position: Int) -> Bool {
    position > 0 && isWord(text, at: text.start(before: position))
  }

  private func isWord(_ text: Span<UInt8>, at position: Int) -> Bool {
    AddedTokens.isWord(text.scalar(at: position).value)
  }
}

extension RegexNode {
  /// The number of characters of the shortest match.
  fileprivate var shortest: Int {
    switch self {
    case .set: 1
    case .sequence(let nodes): nodes.reduce(0) { $0 + $1.shortest }
    case .alternatives(let nodes): nodes.map(\.shortest).min() ?? 0
    case .repeated(let node, let least, _, _): least * node.shortest
    case .lookahead, .end, .wordBoundary: 0
    }
  }

  /// Sets of which every character is a match by itself, whatever stands beside it.
  fileprivate var singleCharacters: [CharacterSet] {
    switch self {
    case .set(let set): return [set]
    case .alternatives(let nodes): return nodes.flatMap(\.singleCharacters)
    case .repeated(let node, 1, _, _): return node.singleCharacters
    case .sequence(let nodes):
      let required = nodes.filter { node in
        if case .repeated(_, 0, _, isPossessive: false) = node { false } else { true }
      }
      return required.count == 1 ? required[0].singleCharacters : []
    default: return []
    }
  }
}
