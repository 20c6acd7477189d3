public import ModelFiles

extension PatchWriter {
  /// Adds a memory, with the indices that its routes need. Nothing but `finish` may follow.
  public func append(_ draft: MemoryDraft) throws {
    var parts: [MemorySection.Part] = []
    var arrays: [NewArray] = []
    let facts = draft.parts.flatMap(\.facts)
    let keys = draft.parts.flatMap { part in part.facts.map { $0.key(for: part.route) } }
    for (index, part) in draft.parts.enumerated() {
      let start = parts.last?.facts.upperBound ?? 0
      let own = MemorySection.Part(
        method: part.method, facts: start..<start + part.facts.count, route: part.route, action: part.action)
      parts.append(own)
      for name in own.ownArrays {
        let stored = MemorySection.own(name, of: index)
        let bytes = part.facts.flatMap { $0.rows[name] ?? [] }
        let width = bytes.count / max(1, part.facts.count) / 4
        arrays.append(
          NewArray(
            stored, .f32, name == "radii" ? [part.facts.count] : [part.facts.count, width], bytes: bytes))
      }
      for name in own.sharedArrays {
        guard let shared = part.shared[name] else { preconditionFailure("a part has all of its arrays") }
        arrays.append(NewArray(MemorySection.own(name, of: index), .f32, shared.shape, bytes: shared.bytes))
      }
    }
    arrays += Self.texts("facts", facts.map { $0.json.compactText }, isMapped: false)
    arrays += Self.texts("keys", keys, isMapped: true)
    let needed = Set(draft.parts.flatMap(\.route.arrays))
    if needed.contains("phrases.hashes") { arrays += Self.phrases(facts) }
    if needed.contains("shapes") {
      arrays.append(NewArray("shapes", [facts.count, 4], keys.flatMap { MemoryText.shape($0) }))
    }
    if needed.contains("words.hashes") { arrays += Self.words(facts) }
    if !draft.demonstrations.isEmpty {
      let shown = facts.map(\.shown.count).max() ?? 0
      let rows = facts.flatMap { fact in
        fact.shown.map { UInt32($0) }
          + [UInt32](repeating: .max, count: shown - fact.shown.count)
      }
      arrays += Self.texts("demonstrations", draft.demonstrations, isMapped: false)
      arrays.append(NewArray("demonstrations.shown", [facts.count, shown], rows))
    }
    // Facts that were bound may all have gone.
    let base = MemorySection.Base(
      fingerprint: draft.base.fingerprint, model: parts.contains(where: \.isBound) ? draft.base.model : nil)
    try append(memoryOf: facts.count, for: base, parts: parts, arrays: arrays)
  }

  /// Texts one after another, and where each ends.
  private static func texts(_ name: String, _ texts: [String], isMapped: Bool) -> [NewArray] {
    var bytes: [UInt8] = []
    var ends: [UInt64] = []
    for text in texts {
      bytes += Array(text.utf8)
      ends.append(UInt64(bytes.count))
    }
    return [
      NewArray(name, .u8, [bytes.count], bytes: bytes, isMapped: isMapped),
      NewArray(name + ".ends", [ends.count], ends),
    ]
  }

  private static func phrases(_ facts: [MemoryFact]) -> [NewArray] {
    let all = facts.enumerated().map { (hash: MemoryText.hash($1.phrase), fact: UInt32($0)) }
      .sorted { ($0.hash, $0.fact) < ($1.hash, $1.fact) }
    return [
      NewArray("phrases.hashes", [all.count], all.map(\.hash)),
      NewArray("phrases.facts", [all.count], all.map(\.fact)),
    ]
  }

  private static func words(_ facts: [MemoryFact]) -> [NewArray] {
    var postings: [UInt64: [UInt32]] = [:]
    for (index, fact) in facts.enumerated() {
      for hash in Set(MemoryText.words(fact.prompt).map({ MemoryText.hash([$0]) })) {
        postings[hash, default: []].append(UInt32(index))
      }
    }
    let hashes = postings.keys.sorted()
    var all: [UInt32] = []
    var ends: [UInt64] = []
    for hash in hashes {
      all += postings[hash]!
      ends.append(UInt64(all.count))
    }
    return [
      NewArray("words.hashes", [hashes.count], hashes), NewArray("words.ends", [ends.count], ends),
      NewArray("words.facts", [all.count], all),
    ]
  }
}
