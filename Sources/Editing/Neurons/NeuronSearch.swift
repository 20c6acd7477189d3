internal import LinearAlgebra
internal import ModelFiles
public import Transformer

/// Finds the neurons that hold what a model answers now.
struct NeuronSearch {
  let network: Network
  let settings: NeuronSettings
  let quadrature: Quadrature
  /// Layers that are looked at.
  let layers: [Int]
  /// Texts of a fact that are looked at, the bare one first.
  static let textLimit = 8

  /// One token of a target that the model does not say yet.
  struct Asked {
    /// What it says instead.
    let old: Int32
    /// What it is to say.
    let new: Int32
    let neurons: [(neuron: KnowledgeNeurons.Neuron, attribution: Float)]
    /// P(old) after the bare text.
    let probability: Double
    /// By layer, after the bare text. `[keyWidth]`
    let keys: [[Float]]
  }

  /// What was found of a text and its contexts.
  struct Found {
    var asked: [Asked] = []
    /// −log p of the target before, the mean over its tokens.
    var loss: Float = 0
  }

  /// Looks at a prompt, plainly and in a chat where it has one.
  func find(_ prompt: FactPrompt) throws -> [Found] {
    let groups = [false, true].map { isChat in prompt.texts.filter { $0.isChat == isChat } }
    return try groups.filter { !$0.isEmpty }.map { try find(Array($0.prefix(Self.textLimit))) }
  }

  /// The neurons of an answer to several texts, and its probability after the first.
  func neurons(
    of texts: [[Int32]], answer: Int32
  ) throws -> (neurons: [(neuron: KnowledgeNeurons.Neuron, attribution: Float)], probability: Double) {
    let texts = texts.prefix(Self.textLimit)
    let found = try NeuronAttribution(network: network, quadrature: quadrature).find(
      texts.map { .init(tokens: $0, answer: answer) })
    let coarse = texts.indices.map {
      KnowledgeNeurons.coarse(found, place: $0, threshold: settings.threshold, layers: layers)
    }
    return (KnowledgeNeurons.refined(coarse, share: settings.share), found.probabilities[0])
  }

  private func find(_ texts: [FactPrompt.Text]) throws -> Found {
    let target = texts[0].target
    let score = try network.score([Continuation(prompt: texts[0].tokens, target: target)])[0]
    guard score.isNumber else { throw try network.notNumbers() }
    var found = Found()
    found.loss = -score.logProbabilities.reduce(0, +) / Float(target.count)
    let wrong = target.indices.filter { score.mostProbable[$0] != target[$0] }
    // Where nothing is wrong, the keys are still those of the fact.
    let places = wrong.isEmpty ? [0] : wrong
    let attributed = try NeuronAttribution(network: network, quadrature: quadrature).find(
      places.flatMap { place in
        texts.map { .init(tokens: $0.tokens + target.prefix(place), answer: score.mostProbable[place]) }
      })
    for (number, place) in places.enumerated() {
      let first = number * texts.count
      let coarse = texts.indices.map {
        KnowledgeNeurons.coarse(attributed, place: first + $0, threshold: settings.threshold, layers: layers)
      }
      found.asked.append(
        Asked(
          old: score.mostProbable[place], new: target[place],
          neurons: wrong.isEmpty ? [] : KnowledgeNeurons.refined(coarse, share: settings.share),
          probability: attributed.probabilities[first],
          keys: attributed.keys.map { Array($0.row(first)) }))
    }
    return found
  }
}

/// Lists the neurons that facts lie in, for `trace --neurons`.
public struct NeuronListing {
  private let search: NeuronSearch
  private let encoder: PromptEncoder

  /// A neuron, with what it adds to the answer's probability.
  public struct Neuron: Equatable, Sendable {
    /// The layer, from 0.
    public let layer: Int
    /// The entry of the layer's keys.
    public let index: Int
    /// Its part of P(answer), the mean over the texts in which it is among the largest.
    public let attribution: Double
  }

  /// What was found of a fact.
  public struct Listed: Sendable {
    /// What the model says.
    public let answer: String
    /// Its probability after the prompt.
    public let probability: Double
    /// Texts that were looked at: the prompt and its paraphrases.
    public let textCount: Int
    /// By layer and index.
    public let neurons: [Neuron]
  }

  /// Looks at all layers.
  ///
  /// - Throws: `EditError.methodTakesOneWeight` for a model with experts.
  public init(network: Network, tokenizer: Tokenizer) throws {
    for layer in network.allLayers {
      let count = network.downProjections(of: layer).count
      if count > 1 { throw EditError.methodTakesOneWeight(method: .kn, layer: layer, experts: count) }
    }
    search = NeuronSearch(
      network: network, settings: NeuronSettings(), quadrature: .gauss(10), layers: Array(network.allLayers))
    encoder = PromptEncoder(tokenizer, for: network.configuration)
  }

  /// The neurons of what the model answers to a record's prompt, refined over its paraphrases.
  public func find(_ record: FactRecord) throws -> Listed {
    let prompts = [record.fact.filledPrompt] + record.paraphrases.map(\.prompt)
    let texts = try prompts.map { try encoder.prompt($0).tokens }.filter { !$0.isEmpty }
    guard let first = texts.first else { throw EditError.noEdits }
    let score = try search.network.score([Continuation(prompt: first, target: [0])])[0]
    guard score.isNumber else { throw try search.network.notNumbers() }
    let answer = score.mostProbable[0]
    let (neurons, probability) = try BLASThreads.with(1) { try search.neurons(of: texts, answer: answer) }
    return Listed(
      answer: encoder.tokenizer.text(of: [answer], after: first), probability: probability,
      textCount: min(texts.count, NeuronSearch.textLimit),
      neurons: neurons.map {
        Neuron(layer: $0.neuron.layer, index: $0.neuron.index, attribution: Double($0.attribution))
      })
  }
}
