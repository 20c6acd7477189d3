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
    case .hidden: nil
    case .embedding(let choice, let similarity, let bySubject):
      try likest(prompt, number, bySubject, states, choice) { own, other in
        let product = zip(own, other).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        return Double(product) >= similarity ? Double(product) : nil
      }
    case .scope(let choice, let bySubject):
      try likest(prompt, number, bySubject, states, choice) { own, other in
        let distance = zip(own, other).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let score = exp(-Double(distance))
        return score >= MemoryRoute.scopeThreshold ? score : nil
      }
    }
  }

  // MARK: States

  /// The fact whose embedding scores highest with the question's; `nil` where none has a score.
  private func likest(
    _ prompt: String, _ number: Int, _ bySubject: Bool, _ states: PromptStates?, _ choice: StateChoice,
    score: (_ fact: [Float], _ question: [Float]) -> Double?
  ) throws -> Match? {
    let part = arrays.section.parts[number].facts
    let facts = bySubject ? subjects(prompt, part) : Array(part)
    guard let states, !facts.isEmpty else { return nil }
    let question = embedding(of: number)(
      try states.state(of: MemoryText.bareQuestion(of: prompt), choice))
    // Of a damaged file, whose center is not as long as the model's states.
    guard !question.isEmpty else { return nil }
    let name = MemorySection.own("embeddings", of: number)
    return facts.compactMap { fact in
      score(arrays.row(name, fact - part.lowerBound), question).map { Match(fact: fact, score: $0) }
    }.max { $0.isBelow($1) }
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
      return Match(fact: fact, score: Double(shared) / Double(max(1, own.count + words.count - shared)))
    }.max { $0.isBelow($1) }
  }

  // MARK: Spelling

  private func nearest(_ prompt: String, _ facts: Range<Int>, limit: Int) -> Match? {
    let text = MemoryText.key(prompt, for: .near(distance: limit))
    guard !text.isEmpty else { return nil }
    let scalars = text.unicodeScalars.map(\.value)
    let shape = MemoryText.shape(text)
    var best: Match?
    arrays.withBytes("shapes") { shapes in
      for fact in facts {
        var differing = 0
        for word in 0..<4 {
          let own = shapes.loadUnaligned(fromByteOffset: 32 * fact + 8 * word, as: UInt64.self)
          differing += (UInt64(littleEndian: own) ^ shape[word]).nonzeroBitCount
        }
        // Each change of a character takes away two pairs and brings two.
        guard differing <= 4 * limit else { continue }
        let key = arrays.text("keys", fact).unicodeScalars.map(\.value)
        guard let distance = MemoryText.distance(scalars, key, limit: limit) else { continue }
        let match = Match(fact: fact, score: 1 - Double(distance) / Double(max(scalars.count, key.count, 1)))
        if best.map({ $0.isBelow(match) }) ?? true { best = match }
      }
    }
    return best
  }

  // MARK: Words

  /// The fact most of whose words, by weight, stand in the question: a word weighs ln(1 + facts / facts with it).
  private func mostWords(_ prompt: String, _ facts: Range<Int>, share: Double) -> Match? {
    let count = Double(arrays.section.factCount)
    var weights: [UInt64: Double] = [:]
    func weight(_ hash: UInt64) -> (weight: Double, facts: Range<Int>) {
      guard let place = places(of: hash, in: "words.hashes").first else { return (0, 0..<0) }
      let range = arrays.range("words", place)
      let weight = weights[hash] ?? log1p(count / Double(max(1, range.count)))
      weights[hash] = weight
      return (weight, range)
    }
    var sums = [Float](repeating: 0, count: facts.count)
    for hash in Set(MemoryText.words(MemoryText.question(of: prompt)).map({ MemoryText.hash([$0]) })) {
      let (own, range) = weight(hash)
      arrays.withBytes("words.facts") { bytes in
        for place in range {
          let fact = Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
          if facts.contains(fact) { sums[fact - facts.lowerBound] += Float(own) }
        }
      }
    }
    // Few can be the best; what their own words weigh is looked up for those alone, heaviest first.
    var best: Match?
    for index in sums.indices.filter({ sums[$0] > 0 }).sorted(by: { sums[$0] > sums[$1] }).prefix(256) {
      let fact = facts.lowerBound + index
      let words = Set(arrays.text("keys", fact).split(separator: " ").map { MemoryText.hash([String($0)]) })
      let whole = words.reduce(0) { $0 + weight($1).weight }
      let match = Match(fact: fact, score: whole > 0 ? Double(sums[index]) / whole : 0)
      if match.score >= share, best.map({ $0.isBelow(match) }) ?? true { best = match }
    }
    return best
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
