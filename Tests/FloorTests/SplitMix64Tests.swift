import Floor
import Testing

@Suite struct SplitMix64Tests {
  /// The first five numbers of seed 1234567, as Vigna's `splitmix64.c` prints them.
  static let published: [UInt64] = [
    6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
    4_593_380_528_125_082_431,
    16_408_922_859_458_223_821,
  ]

  @Test func `the published numbers`() {
    var generator = SplitMix64(seed: 1_234_567)
    #expect(Self.published.indices.map { _ in generator.next() } == Self.published)
    #expect(Self.published.indices.map { SplitMix64.draw($0, seed: 1_234_567) } == Self.published)
  }

  @Test func `numbers below a bound are each drawn about equally often`() {
    var generator = SplitMix64(seed: 3)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[generator.below(7)] += 1 }
    // Five standard deviations of a count of mean 10,000.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 465 }, "\(counts)")
    #expect((0..<1000).allSatisfy { _ in generator.below(1) == 0 })
    #expect((0..<1000).allSatisfy { _ in (0..<1).contains(generator.unit()) })
  }
}
