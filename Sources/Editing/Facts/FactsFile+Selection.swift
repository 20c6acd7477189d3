internal import Floor

extension FactsFile {
  /// The first so many records, or all.
  public func limited(to count: Int) -> FactsFile {
    FactsFile(self, records: Array(records.prefix(max(0, count))))
  }

  /// Records drawn without replacement, in the order drawn; all of them shuffled where there are no more.
  ///
  /// The same file, count and seed give the same records on every machine; a larger count gives the same and more.
  public func sampled(_ count: Int, seed: UInt64) -> FactsFile {
    var rest = records
    var generator = SplitMix64(seed: seed)
    let wanted = min(max(0, count), rest.count)
    for place in 0..<wanted { rest.swapAt(place, place + generator.below(rest.count - place)) }
    return FactsFile(self, records: Array(rest.prefix(wanted)))
  }

  /// The records with these identifiers, in the order of the file.
  ///
  /// - Throws: `noSuchIdentifiers` with those that no record has.
  public func selecting(_ identifiers: [String]) throws(FactsError) -> FactsFile {
    let wanted = Set(identifiers)
    let chosen = records.filter { wanted.contains($0.fact.identifier) }
    let found = Set(chosen.map(\.fact.identifier))
    let missing = identifiers.filter { !found.contains($0) }
    guard missing.isEmpty else { throw .noSuchIdentifiers(missing) }
    return FactsFile(self, records: chosen)
  }
}
