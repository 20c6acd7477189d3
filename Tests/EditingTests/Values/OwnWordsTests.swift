import LinearAlgebra
import TestSupport
import Testing
import Transformer

@testable import Editing

/// What the model says of a subject by itself, and that holding it does hold it.
@Suite struct OwnWordsTests {
  @Test func `texts go on from the subject with the model's words, without what the fact said`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let group = try GroupedFacts(model.facts(1)).groups[0]
    let texts = try OwnWords(network: model.network, encoder: model.encoder).texts(of: [group])[0]
    #expect(!texts.isEmpty && texts.count <= OwnWords.beginnings.count)
    for text in texts {
      #expect(text.subject < text.kept.lowerBound + 1 && text.kept.upperBound == text.tokens.count)
      let words = model.tokenizer.text(of: Array(text.tokens[(text.kept.lowerBound + 1)...]), after: [])
      #expect(!words.contains(group.facts[0].formerTarget!), "\(words)")
      // Greedily: each token is the most probable one after those before it.
      let target = Array(text.tokens[(text.kept.lowerBound + 1)...])
      guard !target.isEmpty else { continue }
      let prompt = Array(text.tokens[...text.kept.lowerBound])
      let score = try model.network.score([Continuation(prompt: prompt, target: target)])[0]
      #expect(score.mostProbable == target)
    }
  }

  @Test func `a value found with them leaves them more as they were`() throws {
    let model = try FixtureModel("tiny-llama")
    let groups = try GroupedFacts(model.facts(2)).groups
    let own = try OwnWords(network: model.network, encoder: model.encoder).texts(of: groups)
    #expect(own.contains { !$0.isEmpty })
    func divergences(_ weight: Double) throws -> Float {
      var settings = ValueSettings()
      (settings.steps, settings.learningRate, settings.stop, settings.keepsLast) = (5, 0.3, .never, true)
      (settings.divergenceWeight, settings.ownWordsWeight) = (0, weight)
      let problems = try zip(groups, own).map {
        try ValueProblem($0, contexts: [], encoder: model.encoder, ownWords: $1)
      }
      let values = try ValueOptimization(network: model.network, layer: 1, settings: settings).values(
        of: problems)
      let prepared = try PreparedValues(problems, network: model.network, layer: 1, target: .hidden)
      var references = [[[Float]]](repeating: [], count: problems.count)
      var loose = ValueSettings()
      loose.clamp = 100
      let zero = problems.indices.map {
        OffsetState(start: prepared.starts[$0], attention: nil, settings: loose)
      }
      _ = try prepared.evaluate(
        Array(problems.indices), states: zero, references: &references, divergenceWeight: 0, ownWordsWeight: 1
      )
      #expect(references.map(\.count) == own.map { $0.reduce(1) { $0 + $1.kept.count } })
      return try zip(values, problems.indices).reduce(0) { sum, item in
        let (value, index) = item
        var state = zero[index]
        state.streams[0].offset = zip(value.value, value.start).map { $0 - $1 }
        var one = references
        return sum
          + (try prepared.evaluate(
            [index], states: [state], references: &one, divergenceWeight: 0, ownWordsWeight: 1)[0].divergence)
      }
    }
    let (free, held) = (try divergences(0), try divergences(10))
    #expect(held < 0.95 * free, "\(held), \(free)")
  }
}
