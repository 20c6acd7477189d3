internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Knowledge neurons as the port in EasyEdit finds and writes them: `--like easyedit`.
///
/// Where it leaves the paper:
/// - what goes into the activation is scaled (of gated layers the gate's branch alone), not what is edited;
/// - a sum over both ends of 0…1 stands for the integral; with one step, its preset for all but GPT-2 and GPT-J, it is the gradient where
///   nothing goes in;
/// - the answer is the one that is to be forgotten, all of its tokens, whatever the model says; plain layers are asked for all of them at the
///   prompt's end, gated ones each behind what the model says in its place;
/// - one prompt, no refining;
/// - every neuron above the threshold gets −Σ e of what the model says (−2 e where that is one token) and +Σ e of the new answer, at full length,
///   with e a row of the input's embedding, also where head and input differ; also where the new answer is said already.
///
/// What is not followed: begin-of-text tokens and lost spaces in its answers, which come of how it calls its tokenizers.
///
/// - Source: zjunlp/EasyEdit, `easyeditor/models/kn/knowledge_neurons/knowledge_neurons/knowledge_neurons.py`, `get_scores_for_layer` and
///   `modify_weights`; `hparams/KN`.
struct PortedNeurons {
  let network: Network
  let recipe: EditRecipe
  let encoder: PromptEncoder

  /// What a text comes to.
  struct Found {
    /// `nil` where no neuron adds anything.
    let write: NeuronEditor.Write?
    /// By layer, at the text's end. `[keyWidth]`
    let keys: [[Float]]
    /// −log p of the target before, the mean over its tokens.
    let loss: Float
  }

  func find(_ prompt: FactPrompt, _ text: FactPrompt.Text) throws -> Found {
    let said = try network.generate([text.tokens], count: max(text.target.count, Self.answerLimit))[0]
    let (scores, keys) = try scores(of: answer(to: prompt, text, said), text.tokens, said)
    let neurons = chosen(scores)
    let old = Array(said.prefix(text.target.count))
    let embeddings = try network.embeddings(of: old + text.target, areScaled: false)
    var direction = [Double](repeating: 0, count: embeddings.columns)
    for row in 0..<embeddings.rows {
      let factor = row >= old.count ? 1.0 : old.count == 1 ? -2 : -1
      for (column, value) in embeddings.row(row).enumerated() { direction[column] += factor * Double(value) }
    }
    let score = try network.score([Continuation(prompt: text.tokens, target: text.target)])[0]
    guard score.isNumber else { throw try network.notNumbers() }
    return Found(
      write: neurons.isEmpty
        ? nil : .init(neurons: neurons, direction: direction, followsNorms: false),
      keys: keys, loss: -score.logProbabilities.reduce(0, +) / Float(text.target.count))
  }

  /// Tokens of an answer that are asked about.
  private static let answerLimit = 16

  /// What is to be forgotten: what the file says, or else what the model says first.
  private func answer(
    to prompt: FactPrompt, _ text: FactPrompt.Text, _ said: [Int32]
  ) throws -> [Int32] {
    guard let former = prompt.fact.formerTarget, !text.isChat,
      let found = try encoder.continuation(
        prompt.fact.filledPrompt, prompt.fact.join(before: former), former),
      found.prompt == text.tokens
    else { return Array(said.prefix(1)) }
    return Array(found.target.prefix(Self.answerLimit))
  }

  /// The mean attribution of each layer's neurons over the answer's tokens; and the keys at the text's end.
  private func scores(
    of answer: [Int32], _ tokens: [Int32], _ said: [Int32]
  ) throws -> (scores: [[Float]], keys: [[Float]]) {
    let found = try NeuronAttribution(network: network, quadrature: .ends(recipe.steps), site: .projection)
      .find(
        answer.enumerated().map { place, token in
          .init(
            tokens: network.configuration.isGated ? tokens + said.prefix(place) : tokens, answer: token)
        })
    let scores = found.attributions.map { layer in
      (0..<layer.columns).map { column in
        (0..<layer.rows).reduce(Float(0)) { $0 + layer[$1, column] } / Float(layer.rows)
      }
    }
    return (scores, found.keys.map { Array($0.row(0)) })
  }

  /// Neurons above a share of the largest score of all.
  private func chosen(_ scores: [[Float]]) -> [KnowledgeNeurons.Neuron] {
    let largest = recipe.layers.flatMap { scores[$0] }.max() ?? 0
    guard largest > 0 else { return [] }
    return recipe.layers.flatMap { layer in
      scores[layer].indices.filter { Double(scores[layer][$0]) > recipe.neurons.threshold * Double(largest) }
        .map { KnowledgeNeurons.Neuron(layer: layer, index: $0) }
    }
  }
}
