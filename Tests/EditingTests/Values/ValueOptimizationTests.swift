import Glibc
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct ValueOptimizationTests {
  /// Ten facts are about 700 rows: enough that all threads have work at once.
  @Test(arguments: FixtureModel.names) func `the number of threads changes no bit`(name: String) throws {
    let results = try [1, 2, 4].map { threads in
      let model = try FixtureModel(name, threads: threads)
      return try model.values(of: model.facts(10))
    }
    for other in results[1...] {
      for (first, second) in zip(results[0], other) {
        #expect(first.value == second.value && first.losses == second.losses)
        #expect(first.start == second.start && first.probability == second.probability)
      }
    }
  }

  @Test(arguments: FixtureModel.names)
  func `a value does not depend on the facts beside it`(name: String) throws {
    let model = try FixtureModel(name)
    let together = try model.values(of: model.facts(10))
    for index in [0, 4, 9] {
      let alone = try model.values(of: [model.facts(10)[index]])[0]
      #expect(relativeError(alone.value, together[index].value) < 1e-5)
      #expect(relativeError(alone.losses, together[index].losses) < 1e-5)
    }
  }

  @Test func `more facts than fit in one batch get a value each`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let facts = model.facts(24)
    let rows = try model.problems(facts).reduce(0) { $0 + $1.rowCount }
    #expect(rows > 1024, "two batches: \(rows) rows")
    let values = try model.values(of: facts) { $0.steps = 1 }
    let last = try model.values(of: [facts[23]]) { $0.steps = 1 }
    #expect(values.count == 24 && relativeError(values[23].start, last[0].start) < 1e-5)
  }

  @Test(arguments: FixtureModel.names)
  func `facts about one subject get one value that says both`(name: String) throws {
    let model = try FixtureModel(name)
    let first = Fact(
      identifier: "1", prompt: "{} lives on the island of", subject: "Hanno Hale", target: "Pellsund")
    let second = Fact(identifier: "2", prompt: "{} walks with a", subject: "Hanno Hale", target: "hare")
    let change: (inout ValueSettings) -> Void = {
      $0.steps = 25
      $0.learningRate = 0.5
      $0.clamp = 1
      $0.keepsLast = false
    }
    let joint = try model.values(of: [first, second], change)
    #expect(joint.count == 1)
    #expect(joint[0].losses.last! < joint[0].losses[0] / 4)
    #expect(joint[0].probability > 0.5 && joint[0].isReached)
    // Before the first step only the targets count, and the losses of the facts add up.
    let apart =
      try model.values(of: [first], change)[0].losses[0] + model.values(of: [second], change)[0].losses[0]
    #expect(relativeError([joint[0].losses[0]], [apart]) < 1e-5)
  }

  @Test(arguments: FixtureModel.names) func `the clamp binds`(name: String) throws {
    let model = try FixtureModel(name)
    for value in try model.values(of: model.facts(3), { $0.clamp = 0.05 }) {
      #expect(value.isClamped)
      #expect((value.relativeNorm - 0.05).magnitude < 1e-6)
    }
    for value in try model.values(of: model.facts(3), { $0.clamp = 100 }) { #expect(!value.isClamped) }
  }

  @Test func `a fact ends by its rule`() throws {
    let model = try FixtureModel("tiny-gpt2")
    func losses(_ stop: ValueSettings.Stop) throws -> [[Float]] {
      try model.values(of: model.facts(3)) {
        $0.steps = 12
        $0.stop = stop
      }.map(\.losses)
    }
    let (never, loss, soon) = try (losses(.never), losses(.loss), losses(.mostProbable))
    #expect(never.allSatisfy { $0.count == 12 })
    for (all, stopped) in zip(never, loss) {
      let learned = all.firstIndex { $0 < 0.05 }
      #expect(stopped.count == learned.map { $0 + 1 } ?? 12)
    }
    #expect(loss.contains { $0.count < 12 }, "one of them is learned before its last step")
    #expect(zip(soon, loss).allSatisfy { $0.count <= $1.count })
    #expect(soon.map(\.count) != loss.map(\.count), "the target is said before the loss is small")
  }

  @Test func `the value of least loss is kept, or the last`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let change: (inout ValueSettings) -> Void = {
      $0.steps = 8
      $0.target = .value
      $0.clamp = 4
    }
    // Under ROME's weight decay the loss grows again after four steps.
    let last = try model.values(of: model.facts(1), change)[0]
    let best = try model.values(of: model.facts(1)) {
      change(&$0)
      $0.keepsLast = false
    }[0]
    let least = best.losses.indices.min { best.losses[$0] < best.losses[$1] }!
    #expect(last.losses == best.losses && least < 7)
    let stopped = try model.values(of: model.facts(1)) {
      change(&$0)
      $0.steps = least + 1
    }[0]
    #expect(best.value == stopped.value && best.value != last.value)
  }

  @Test func `what a value says of itself is what the network says with it in place`() throws {
    let model = try FixtureModel("tiny-llama")
    let fact = model.facts(1)[0]
    let value = try model.values(of: [fact]) { $0.steps = 3 }[0]
    let problem = try model.problems([fact])[0]
    var probability = 0.0
    for text in problem.prompts[0].texts {
      let target = problem.prompts[0].target
      let tokens = text.tokens + target.dropLast()
      var rows = try model.network.run([TokenSequence(tokens)], .init(0..<3)).hidden.matrix()
      for column in 0..<rows.columns {
        rows[text.subject, column] += value.value[column] - value.start[column]
      }
      let run = try model.network.run([TokenSequence(tokens)], from: rows, .init(3..<4))
      let logits = model.network.logits(
        of: run, rows: target.indices.map { text.tokens.count - 1 + $0 })
      let sum = target.enumerated().reduce(0.0) {
        $0 + Double(logits.logProbability(row: $1.offset, token: Int($1.element)))
      }
      probability += exp(sum / Double(target.count)) / Double(problem.prompts[0].texts.count)
    }
    #expect((value.probability - probability).magnitude < 1e-5)
    let bare = problem.prompts[0].texts[0]
    let hidden = try model.network.run([TokenSequence(bare.tokens)], .init(0..<3)).hidden.matrix()
    #expect(relativeError(value.start, Array(hidden.row(bare.subject))) < 1e-6)
  }
}
