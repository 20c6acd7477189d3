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
    var generator = SampleGenerator(state: seed)
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

/// SplitMix64 (Steele, Lea and Flood), and numbers below a bound from it.
///
/// The standard library's `shuffled(using:)` may change between versions; a published sample may not.
struct SampleGenerator {
  private var state: UInt64

  init(state: UInt64) { self.state = state }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// A number from 0 to below the bound, each equally often (Lemire, arXiv:1805.10941): the upper half of a product, drawn
  /// again where the lower half falls into the part of the range that is left over.
  mutating func below(_ bound: Int) -> Int {
    let bound = UInt64(bound)
    let leftOver = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= leftOver { return Int(product.high) }
    }
  }
}
