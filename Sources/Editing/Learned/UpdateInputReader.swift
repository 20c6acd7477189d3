internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Finds what an editor is told of a fact.
struct UpdateInputReader {
  let network: Network
  let encoder: PromptEncoder
  let layers: [Int]
  let kind: EditorKind

  /// Tokens of words that are read; of a longer text the first ones.
  private static let wordLimit = 64

  /// - Parameter hidden: what enters the first of the layers, where it is known. `[tokens × width]`
  /// - Returns: also the losses of the targets.
  func read(
    _ text: TargetText, words fact: Fact, from hidden: Matrix<Float>? = nil
  ) throws -> (input: UpdateInput, losses: [Float]) {
    let layered = LayerGradients(network: network, layers: layers)
    let sequences = [TokenSequence(text.tokens)]
    let (rows, terms) = [text].targetTerms(weight: 1)
    let found = try layered.find(
      sequences, from: hidden ?? layered.inputs(of: sequences), rows: rows, terms: terms
    ).withoutIdleTokens
    guard found.values.allSatisfy(\.isFinite) else { throw try network.notNumbers() }
    var input = UpdateInput(keys: found.keys, gradients: found.gradients)
    if kind.readsWords { input.words = try states(of: fact, text) }
    return (input, found.values)
  }

  /// "old >> new || prompt", as it enters the first block.
  private func states(of fact: Fact, _ text: TargetText) throws -> Matrix<Float> {
    let score = try network.score([text.continuation])[0]
    let head = Array(text.tokens[...text.targets[0].position])
    let old = encoder.tokenizer.text(of: score.mostProbable, after: head)
    let words = "\(old.trimmed) >> \(fact.target) || \(fact.filledPrompt)"
    let limit = min(Self.wordLimit, network.configuration.positionCount)
    let tokens = Array(try encoder.prompt(words).tokens.prefix(limit))
    return try network.run([TokenSequence(tokens)], .init(0..<0)).hidden.matrix()
  }
}

extension LayerGradients.Found {
  /// Without tokens whose key or gradient is zero: they add nothing to Σ g kᵀ.
  var withoutIdleTokens: LayerGradients.Found {
    var kept = self
    for layer in keys.indices {
      let rows = (0..<keys[layer].rows).filter { row in
        keys[layer].row(row).contains { $0 != 0 } && gradients[layer].row(row).contains { $0 != 0 }
      }
      kept.keys[layer] = keys[layer].selecting(rows: rows)
      kept.gradients[layer] = gradients[layer].selecting(rows: rows)
    }
    return kept
  }
}
