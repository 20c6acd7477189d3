internal import Floor

extension FactsFile {
  /// The first so many facts, or all.
  public func limited(to count: Int) -> FactsFile {
    FactsFile(self, items: Array(items.prefix(max(0, count))))
  }

  /// Facts drawn without replacement, in the order drawn; all of them shuffled where there are no more.
  ///
  /// The same file, count and seed give the same facts on every machine; a larger count gives the same and more.
  public func sampled(_ count: Int, seed: UInt64) -> FactsFile {
    var rest = items
    var generator = SplitMix64(seed: seed)
    let wanted = min(max(0, count), rest.count)
    for place in 0..<wanted { rest.swapAt(place, place + generator.below(rest.count - place)) }
    return FactsFile(self, items: Array(rest.prefix(wanted)))
  }

  /// The facts with these identifiers, or whose records have them, in the order of the file.
  ///
  /// - Throws: `noSuchIdentifiers` with those that none has.
  public func selecting(_ identifiers: [String]) throws(FactsError) -> FactsFile {
    let wanted = Set(identifiers)
    let chosen = items.filter { !wanted.isDisjoint(with: $0.names) }
    let found = chosen.reduce(into: Set<String>()) { $0.formUnion($1.names) }
    let missing = identifiers.filter { !found.contains($0) }
    guard missing.isEmpty else { throw .noSuchIdentifiers(missing) }
    return FactsFile(self, items: chosen)
  }

  /// The facts that are in this file and not in a part of it.
  public func others(than part: FactsFile) -> [FactRecord] {
    let chosen = Set(part.records.map { "\($0.fact)" })
    return records.filter { !chosen.contains("\($0.fact)") }
  }
}
