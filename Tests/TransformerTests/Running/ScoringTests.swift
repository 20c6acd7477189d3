import ModelFiles
import TestSupport
import Testing
import Transformer

@Suite struct ScoringTests {
  static let tolerance: Float = 1e-5

  /// One whole run per continuation.
  private func plain(_ network: Network, _ item: Continuation) throws -> (logs: [Float], best: [Int32]) {
    let tokens = item.prompt + item.target
    let rows = Array(item.prompt.count - 1..<tokens.count - 1)
    let logits = network.logits(of: try network.run([TokenSequence(tokens)]), rows: rows)
    return (
      item.target.enumerated().map { logits.logProbabilities(row: $0)[Int($1)] },
      item.target.indices.map { Int32(logits.mostProbable(row: $0)) }
    )
  }

  private func items(_ reference: FamilyReference) throws -> [Continuation] {
    let prompts = try (0..<3).map { Array(try reference.prompt($0).prefix(5 + $0)) }
    let targets: [[Int32]] = [[3], [4, 9], [4, 9, 2, 7], [60], [3]]
    // Prompts recur, in no order, and one is another's beginning.
    return targets.enumerated().flatMap { index, target in
      [prompts[index % 3], prompts[(index + 1) % 3], Array(prompts[0].prefix(2))].map {
        Continuation(prompt: $0, target: target)
      }
    }
  }

  @Test(arguments: FamilyReference.names)
  func `continuations of shared prompts score as whole runs do`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let items = try items(reference)
    let scores = try network.score(items)
    for (item, score) in zip(items, scores) {
      let (logs, best) = try plain(network, item)
      #expect(zip(score.logProbabilities, logs).allSatisfy { ($0 - $1).magnitude < Self.tolerance * 10 })
      #expect(score.logProbabilities.count == item.target.count && score.mostProbable == best)
      let mean = logs.reduce(0, +) / Float(logs.count)
      #expect((score.meanLogProbability - Double(mean)).magnitude < 1e-4)
    }
  }

  @Test func `more prompts than fit in one batch are scored`() throws {
    let network = try FamilyReference("llama2").network()
    let items = (0..<600).map { index in
      let prompt = (0..<8).map { place -> Int32 in Int32((index * 7 + place * place * 3) % 61) }
      return Continuation(prompt: prompt, target: [Int32(index % 61), 5])
    }
    let scores = try network.score(items)
    #expect(scores.count == 600)
    for index in [0, 511, 512, 599] {
      let logs = try plain(network, items[index]).logs
      #expect(
        zip(scores[index].logProbabilities, logs).allSatisfy { ($0 - $1).magnitude < Self.tolerance * 10 })
    }
  }

  @Test func `the number of threads changes no bit`() throws {
    let reference = try FamilyReference("qwen2")
    let items = try items(reference)
    let scores = try [1, 3, 4].map { try reference.network(threads: $0).score(items) }
    #expect(scores[0] == scores[1] && scores[1] == scores[2])
    #expect(try reference.network().score([]).isEmpty)
  }

  @Test func `the most probable tokens come by falling logit`() throws {
    let network = try FamilyReference("opt").network()
    let logits = network.lastLogits(of: try network.run([TokenSequence([1, 2, 3])]))
    let all = logits.logProbabilities(row: 0)
    let order = all.indices.sorted { all[$0] == all[$1] ? $0 < $1 : all[$0] > all[$1] }
    for count in [0, 1, 5, 60, 61, 100] {
      #expect(logits.mostProbable(row: 0, count: count) == Array(order.prefix(count)))
    }
    #expect(logits.mostProbable(row: 0) == order[0])
    for token in [0, 7, 60] { #expect(logits.logProbability(row: 0, token: token) == all[token]) }
  }
}
