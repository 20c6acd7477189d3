import Editing
import TestSupport
import Testing

@Suite struct FactSelectionTests {
  let file: FactsFile

  init() throws {
    let lines = (0..<50).map { #"{"case_id":\#($0),"prompt":"{} is","subject":"s\#($0)","target":"t"}"# }
    file = try FactsText().read(lines.joined(separator: "\n"))
  }

  private func identifiers(_ file: FactsFile) -> [Int] { file.facts.compactMap { Int($0.identifier) } }

  @Test func `a limit takes the first`() {
    #expect(identifiers(file.limited(to: 3)) == [0, 1, 2])
    #expect(identifiers(file.limited(to: 100)) == Array(0..<50))
    #expect(identifiers(file.limited(to: -1)) == [])
  }

  @Test func `a sample is the same every time, and begins the larger one`() {
    let small = identifiers(file.sampled(5, seed: 1))
    // Computed apart, in Python from the published generator: a change here would change everybody's samples.
    #expect(small == [28, 37, 48, 23, 24])
    #expect(Array(identifiers(file.sampled(20, seed: 1)).prefix(5)) == small)
    #expect(small != identifiers(file.sampled(5, seed: 2)))
    #expect(identifiers(file.sampled(80, seed: 3)).sorted() == Array(0..<50))
    #expect(identifiers(file.sampled(0, seed: 3)) == [])
  }

  @Test func `every record is drawn about equally often`() {
    var counts = [Int](repeating: 0, count: 50)
    for seed in 0..<2000 {
      for drawn in identifiers(file.sampled(5, seed: UInt64(seed))) { counts[drawn] += 1 }
    }
    // 200 expected, standard deviation 13.4; five of them either way.
    #expect(counts.allSatisfy { (133...267).contains($0) }, "\(counts)")
  }

  @Test func `identifiers choose, and must be there`() throws {
    #expect(identifiers(try file.selecting(["7", "3", "7"])) == [3, 7])
    #expect(throws: FactsError.noSuchIdentifiers(["x", "99"])) { try file.selecting(["3", "x", "99"]) }
  }
}
