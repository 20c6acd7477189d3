internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
public import Patches

/// Which fact of a memory speaks to a prompt, as far as words decide. `Formats/memory.md`, *Routes*.
///
/// Everything is looked up where it lies in the file: what a prompt costs does not grow with the facts, but for `near`, which looks at 32
/// bytes of each.
struct MemoryRouter: Sendable {
  let arrays: MemoryArrays
  /// What all words of each fact's prompt weigh together; empty where no route asks for it.
  private let wholes: [Double]
  /// The least of these.
  private let leastWhole: Double

  init(arrays: MemoryArrays) {
    self.arrays = arrays
    wholes = arrays.has("words.hashes") ? Self.wholes(arrays) : []
    leastWhole = wholes.min() ?? 0
  }

  /// A fact, and how near the prompt is to it, from 0 to 1.
  struct Match: Sendable, Equatable {
    let fact: Int
    let score: Double
    /// Whether a later one is to be preferred.
    func isBelow(_ other: Match) -> Bool { (score, fact) < (other.score, other.fact) }
  }

  /// The best of a part's facts; `nil` where none speaks.
  ///
  /// - Parameter states: what reads prompts for routes that look at states.
  func match(_ prompt: String, part number: Int, states: PromptStates? = nil) throws -> Match? {
    let part = arrays.section.parts[number]
    return switch part.route {
    case .always: Match(fact: part.facts.lowerBound, score: 0)
    case .subject: best(of: subjects(prompt, part.facts), to: prompt)
    case .near(let distance): nearest(prompt, part.facts, limit: distance)
    case .words(let share): mostWords(prompt, part.facts, share: share)
    case .hidden, .activation: nil
    case .embedding(let choice, let similarity, let bySubject):
      try likest(prompt, number, bySubject, states, choice, add: { $0 + $1 * $2 }) {
        Double($0) >= similarity ? Double($0) : nil
      }
    case .scope(let choice, let bySubject):
      try likest(prompt, number, bySubject, states, choice, add: { $0 + ($1 - $2) * ($1 - $2) }) {
        let score = exp(-Double($0))
        return score >= MemoryRoute.scopeThreshold ? score : nil
      }
    }
  }

  // MARK: States

  /// Eight numbers side by side.
  private typealias Eight = SIMD8<Float>

  /// The fact whose embedding scores highest with the question's; `nil` where none has a score.
  ///
  /// Embeddings are read where they lie in the file. A sum is made of eight, each over every eighth number, added up in their order: the same bits
  /// on every machine.
  ///
  /// - Parameters:
  ///   - add: adds what two numbers come to.
  ///   - score: of the sum; `nil` where the fact does not speak.
  private func likest(
    _ prompt: String, _ number: Int, _ bySubject: Bool, _ states: PromptStates?,
    _ choice: StateChoice,
    add: (_ sum: Eight, _ fact: Eight, _ question: Eight) -> Eight, score: (_ sum: Float) -> Double?
  ) throws -> Match? {
    let part = arrays.section.parts[number].facts
    let facts = bySubject ? subjects(prompt, part) : Array(part)
    guard let states, !facts.isEmpty else { return nil }
    let question = embedding(of: number)(
      try states.state(of: MemoryText.bareQuestion(of: prompt), choice))
    // Of a damaged file, whose center is not as long as the model's states.
    guard !question.isEmpty else { return nil }
    let width = question.count
    func eight(_ from: Int, _ number: (Int) -> Float) -> Eight {
      var eight = Eight()
      for lane in 0..<min(8, width - from) { eight[lane] = number(from + lane) }
      return eight
    }
    let questions = stride(from: 0, to: width, by: 8).map { from in eight(from) { question[$0] } }
    var best: Match?
    arrays.withBytes(MemorySection.own("embeddings", of: number)) { bytes in
      for fact in facts {
        let row = 4 * width * (fact - part.lowerBound)
        var sum = Eight()
        for (place, own) in questions.enumerated() {
          let from = 8 * place
          let other =
            from + 8 <= width
            ? bytes.loadUnaligned(fromByteOffset: row + 4 * from, as: Eight.self)
            : eight(from) { bytes.loadUnaligned(fromByteOffset: row + 4 * $0, as: Float.self) }
          sum = add(sum, other, own)
        }
        guard let score = score((0..<8).reduce(Float(0)) { $0 + sum[$1] }) else { continue }
        let match = Match(fact: fact, score: score)
        if best.map({ $0.isBelow(match) }) ?? true { best = match }
      }
    }
    return best
  }

  /// What a part makes of states.
  func embedding(of part: Int) -> PromptEmbedding {
    let head = MemorySection.own("head", of: part)
    let rows = arrays.shape(of: head).first ?? 0
    return PromptEmbedding(
      center: arrays.row(MemorySection.own("center", of: part), 0),
      head: rows == 0
        ? nil
        : Matrix(
          rows: rows, columns: arrays.shape(of: head)[1],
          elements: (0..<rows).flatMap { arrays.row(head, $0) }))
  }

  // MARK: Subjects

  /// The facts whose subject stands in the question.
  func subjects(_ prompt: String, _ facts: Range<Int>) -> [Int] {
    let words = MemoryText.words(MemoryText.question(of: prompt))
    var found: Set<Int> = []
    for start in words.indices {
      for end in start + 1...min(words.count, start + MemoryText.phraseLimit) {
        for place in places(of: MemoryText.hash(words[start..<end]), in: "phrases.hashes") {
          let fact = arrays.u32("phrases.facts", place)
          if facts.contains(fact) { found.insert(fact) }
        }
      }
    }
    return found.sorted()
  }

  /// The one that shares most words with the question: words in both over words in either.
  private func best(of facts: [Int], to prompt: String) -> Match? {
    let words = Set(MemoryText.words(MemoryText.question(of: prompt)))
    return facts.map { fact in
      let own = Set(arrays.text("keys", fact).split(separator: " ").map(String.init))
      let shared = own.intersection(words).count
      return Match(
        fact: fact, score: Double(shared) / Double(max(1, own.count + words.count - shared)))
    }.max { $0.isBelow($1) }
  }

  // MARK: Spelling

  private func nearest(_ prompt: String, _ facts: Range<Int>, limit: Int) -> Match? {
    let text = MemoryText.key(prompt, for: .near(distance: limit))
    guard !text.isEmpty else { return nil }
    let shape = MemoryText.shape(text)
    var probe = SpellingProbe(text)
    var best: Match?
    arrays.withTexts("keys") { key in
      arrays.withBytes("shapes") { shapes in
        for fact in facts {
          var differing = 0
          for word in 0..<4 {
            let own = shapes.loadUnaligned(fromByteOffset: 32 * fact + 8 * word, as: UInt64.self)
            differing += (UInt64(littleEndian: own) ^ shape[word]).nonzeroBitCount
          }
          // Each change of a character takes away two pairs and brings two.
          guard differing <= 4 * limit, let found = probe.distance(toUTF8: key(fact), limit: limit) else {
            continue
          }
          let match = Match(
            fact: fact, score: 1 - Double(found.distance) / Double(max(probe.count, found.count, 1)))
          if best.map({ $0.isBelow(match) }) ?? true { best = match }
        }
      }
    }
    return best
  }

  // MARK: Words

  /// A word of a question: which facts have it, as places among `words.facts`, and what it weighs.
  private struct Word {
    let facts: Range<Int>
    let weight: Double
  }

  /// The fact most of whose words, by weight, stand in the question: a word weighs ln(1 + facts / facts with it).
  ///
  /// Weights are added in the order of the words' hashes here and in `wholes`, so that a prompt with all words of a fact has exactly 1.
  private func mostWords(_ prompt: String, _ facts: Range<Int>, share: Double) -> Match? {
    let hashes = Set(
      MemoryText.words(MemoryText.question(of: prompt)).map { MemoryText.hash([$0]) })
    let words = hashes.sorted().compactMap { hash in
      places(of: hash, in: "words.hashes").first.map { place in
        let own = arrays.range("words", place)
        return Word(facts: own, weight: Self.weight(of: own.count, arrays))
      }
    }
    var best: Match?
    func offer(_ fact: Int, _ sum: Double) {
      let match = Match(fact: fact, score: sum / wholes[fact])
      if match.score >= share, best.map({ $0.isBelow(match) }) ?? true { best = match }
    }
    arrays.withBytes("words.facts") { bytes in
      func fact(_ place: Int) -> Int {
        Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
      }
      if let rare = rareEnough(words, share: share) {
        for candidate in Set(rare.lazy.flatMap(\.facts).map(fact)) where facts.contains(candidate) {
          let sum = words.reduce(0.0) { $0 + (Self.has(candidate, in: $1.facts, fact) ? $1.weight : 0) }
          offer(candidate, sum)
        }
        return
      }
      var sums = [Double](repeating: 0, count: facts.count)
      for word in words {
        for place in word.facts {
          let fact = fact(place)
          if facts.contains(fact) { sums[fact - facts.lowerBound] += word.weight }
        }
      }
      for index in sums.indices where sums[index] > 0 { offer(facts.lowerBound + index, sums[index]) }
    }
    return best
  }

  /// Words one of which a fact must have to speak: what the others weigh together is less than the share of any fact. `nil` where looking at
  /// all facts with any of the words takes no longer.
  private func rareEnough(_ words: [Word], share: Double) -> [Word]? {
    var rare = words.sorted { $0.facts.count > $1.facts.count }
    var weight = 0.0
    // Sums are rounded: what comes near to the share is looked at.
    while let first = rare.first, weight + first.weight < share * leastWhole * (1 - 1e-9) {
      weight += first.weight
      rare.removeFirst()
    }
    let visits = rare.reduce(0) { $0 + $1.facts.count }
    let all = words.reduce(0) { $0 + $1.facts.count }
    return visits * words.count * 16 < all ? rare : nil
  }

  /// Whether a fact is among those of a word, which rise.
  private static func has(_ wanted: Int, in places: Range<Int>, _ fact: (Int) -> Int) -> Bool {
    var (low, high) = (places.lowerBound, places.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if fact(middle) < wanted { low = middle + 1 } else { high = middle }
    }
    return low < places.upperBound && fact(low) == wanted
  }

  private static func weight(of count: Int, _ arrays: MemoryArrays) -> Double {
    log1p(Double(arrays.section.factCount) / Double(max(1, count)))
  }

  /// Visits the facts with a word, by its place among the words, and what it weighs.
  private static func forFacts(
    ofWord place: Int, _ arrays: MemoryArrays, _ visit: (_ fact: Int, _ weight: Double) -> Void
  ) {
    let range = arrays.range("words", place)
    let weight = weight(of: range.count, arrays)
    arrays.withBytes("words.facts") { bytes in
      for place in range {
        visit(
          Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self))),
          weight)
      }
    }
  }

  private static func wholes(_ arrays: MemoryArrays) -> [Double] {
    var wholes = [Double](repeating: 0, count: arrays.section.factCount)
    for place in 0..<arrays.shape(of: "words.hashes")[0] {
      forFacts(ofWord: place, arrays) { wholes[$0] += $1 }
    }
    return wholes
  }

  /// Where a hash stands in a rising list.
  private func places(of hash: UInt64, in name: String) -> Range<Int> {
    arrays.withBytes(name) { bytes in
      func number(_ place: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * place, as: UInt64.self))
      }
      var (low, high) = (0, bytes.count / 8)
      while low < high {
        let middle = (low + high) / 2
        if number(middle) < hash { low = middle + 1 } else { high = middle }
      }
      var end = low
      while end < bytes.count / 8, number(end) == hash { end += 1 }
      return low..<end
    }
  }
}
