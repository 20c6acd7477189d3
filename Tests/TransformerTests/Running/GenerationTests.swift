import Glibc
import ModelFiles
import TestSupport
import Testing
import Transformer

@Suite struct GenerationTests {
  /// The most probable tokens, each from a run of the whole text so far.
  private func stepByStep(_ network: Network, _ prompt: [Int32], count: Int) throws -> [Int32] {
    var tokens = prompt
    for _ in 0..<count {
      let logits = network.lastLogits(of: try network.run([TokenSequence(tokens)]))
      tokens.append(Int32(logits.mostProbable(row: 0)))
    }
    return Array(tokens[prompt.count...])
  }

  @Test(arguments: FamilyReference.names)
  func `greedy words are those of whole runs, one token at a time`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    // A part of each prompt, so that learned positions suffice; lengths differ.
    let prompts = try (0..<3).map { Array(try reference.prompt($0).prefix(3 + 2 * $0)) }
    let together = try network.generate(prompts, count: 8)
    for (prompt, found) in zip(prompts, together) {
      #expect(try found == stepByStep(network, prompt, count: 8))
    }
  }

  @Test(arguments: ["gpt2", "llama3"])
  func `what is known of a beginning is not run again, and changes no word`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let whole = Array(try reference.prompt(1).prefix(6))
    let prompts = [whole, Array(whole.prefix(3)) + [5, 7], Array(whole.prefix(4)), [9, 4]]
    let known = try network.read(Array(whole.prefix(4)))
    let plain = try network.generate(prompts, count: 6)
    let found = try network.generate(prompts, knowing: [known, known, known, nil], count: 6) { _, _ in false }
    #expect(found.map(\.tokens) == plain)
    #expect(found.map(\.reading.tokens) == prompts)
    // And again, from what is known then, until somebody ends it.
    let again = try network.generate(prompts, knowing: found.map(\.reading), count: 6) { index, new in
      new.count == index + 1
    }
    #expect(again.map(\.tokens) == plain.enumerated().map { Array($1.prefix($0 + 1)) })
  }

  @Test(arguments: ["gpt2", "llama3"])
  func `seeded draws can be repeated, and do not depend on neighbors`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let prompts = try (0..<3).map { Array(try reference.prompt($0).prefix(3)) }
    func words(_ prompts: [[Int32]], seed: UInt64) throws -> [[Int32]] {
      try network.generate(prompts, count: 12, sampling: .top(5, seed: seed))
    }
    let first = try words(prompts, seed: 3)
    #expect(try words(prompts, seed: 3) == first)
    #expect(try words(prompts, seed: 4) != first)
    #expect(try words([prompts[0]], seed: 3)[0] == first[0])
    #expect(try words([prompts[0], [1, 2, 3, 4, 5]], seed: 3)[0] == first[0])
    // The same prompt in another place is another draw.
    let twice = try words([prompts[0], prompts[0]], seed: 3)
    #expect(twice[0] == first[0] && twice[1] != twice[0])
    #expect(
      try network.generate(prompts, count: 8, sampling: .top(1, seed: 9))
        == network.generate(prompts, count: 8))
  }

  @Test func `draws follow the probabilities of the most probable tokens`() throws {
    let network = try FamilyReference("gpt2").network()
    let prompt: [Int32] = [5, 7]
    let logits = network.lastLogits(of: try network.run([TokenSequence(prompt)]))
    let best = logits.mostProbable(row: 0, count: 3)
    let weights = best.map { exp(Double(logits.logProbability(row: 0, token: $0))) }
    let total = weights.reduce(0, +)
    let draws = 4000
    let found = try network.generate(
      Array(repeating: prompt, count: draws), count: 1, sampling: .top(3, seed: 11)
    ).map { Int($0[0]) }
    #expect(Set(found).isSubset(of: best))
    for (token, weight) in zip(best, weights) {
      let (share, wanted) = (Double(found.count { $0 == token }) / Double(draws), weight / total)
      // Four standard deviations.
      #expect((share - wanted).magnitude < 4 * (wanted * (1 - wanted) / Double(draws)).squareRoot())
    }
  }

  @Test func `a stop ends its sequence and no other, and is not part of it`() throws {
    let reference = try FamilyReference("llama2")
    let network = try reference.network()
    let prompts = try (0..<3).map { Array(try reference.prompt($0).prefix(4)) }
    let free = try network.generate(prompts, count: 10)
    let stop = free[0][4]
    let stopped = try network.generate(prompts, count: 10, stops: [stop])
    for (free, stopped) in zip(free, stopped) { #expect(stopped == Array(free.prefix { $0 != stop })) }
    #expect(stopped[0].count <= 4)
  }

  @Test func `learned positions end a text, rotary ones do not`() throws {
    let (gpt2, llama) = (try FamilyReference("gpt2").network(), try FamilyReference("llama2").network())
    let limit = gpt2.configuration.positionCount
    // The last token needs no position of its own.
    #expect(try gpt2.generate([[1, 2, 3]], count: 100)[0].count == limit - 3 + 1)
    #expect(try gpt2.generate([[Int32](repeating: 1, count: limit)], count: 100)[0].count == 1)
    let count = llama.configuration.positionCount + 5
    #expect(try llama.generate([[1]], count: count)[0].count == count)
  }

  @Test func `no tokens are asked for, or no prompts are given`() throws {
    let network = try FamilyReference("gpt2").network()
    #expect(try network.generate([[1], [2]], count: 0) == [[], []])
    #expect(try network.generate([], count: 3).isEmpty)
  }
}
