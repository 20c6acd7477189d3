internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Traces where a network recalls a fact: corrupts the subject, restores one activation, and looks at what comes back.
///
///     effect(token, ℓ) = p(answer | corrupted, activation of the token at ℓ as in the clean run) − p(answer | corrupted)
///
/// Below the restored layer, and before the restored token, a restored run is the corrupted one. So each layer's runs begin with what the
/// corrupted run had there, over the positions from the restored token on, all tokens and samples side by side; the last block
/// is finished, and logits are formed, for the last position alone. All of it is exact.
///
/// - Source: ROME (arXiv:2202.05262), section 2.1 and appendix B; kmeng01/rome, `experiments/causal_trace.py`.
struct FactTracer {
  let network: Network
  let encoder: PromptEncoder
  let settings: TraceSettings
  let noise: TraceNoise
  /// Rows of a batch: large products, bounded memory.
  private static let rowLimit = 2048

  /// What came of a fact.
  enum Outcome {
    case traced(TracedFact)
    case unknown(UnknownFact)
  }

  /// Traces a fact, if the model knows it: every token of the answer must be the most probable one.
  ///
  /// - Throws: `NetworkError.notNumbers` where the network's logits are none.
  func trace(_ fact: Fact) throws -> Outcome {
    let prompt = try TracePrompt(fact, encoder: encoder)
    let name = [fact.prompt, fact.subject, prompt.answerText]
    let score = try network.score([Continuation(prompt: prompt.tokens, target: prompt.answer)])[0]
    guard score.isNumber else { throw try network.notNumbers() }
    guard score.mostProbable == prompt.answer else {
      let said = encoder.tokenizer.text(of: score.mostProbable, after: prompt.tokens)
      return .unknown(UnknownFact(identifier: fact.identifier, name: name, said: said))
    }
    let clean = try cleanRun(prompt)
    let corrupted = try corruptedRun(prompt, after: clean)
    var traced = TracedFact(
      identifier: fact.identifier, name: name,
      tokens: prompt.tokens.map { token in
        String(decoding: encoder.tokenizer.bytes(of: Int(token)), as: UTF8.self)
      }, subject: prompt.subject, clean: clean.probabilities[0], corrupted: mean(corrupted.probabilities))
    for kind in settings.kinds {
      traced.restored[kind] = try restored(kind, prompt, clean: clean, corrupted: corrupted)
    }
    return .traced(traced)
  }

  // MARK: Runs

  /// A run with its activations of all blocks, at the rows that were run.
  private struct RecordedRun {
    let run: ForwardRun
    /// What the first block got.
    let embedded: Matrix<Float>
    var activations: [TraceKind: [Matrix<Float>]] = [:]
    /// Of the answer's first token, by sequence.
    let probabilities: [Double]

    /// What goes into a block.
    func input(of layer: Int) -> Matrix<Float> { layer == 0 ? embedded : activations[.hidden]![layer - 1] }
  }

  private func cleanRun(_ prompt: TracePrompt) throws -> RecordedRun {
    let sequences = [TokenSequence(prompt.tokens)]
    return try recordedRun(sequences, try network.run(sequences, .init(0..<0)).hidden.matrix(), prompt)
  }

  /// The positions from the subject's first token on, once for each sample.
  private func corruptedRun(_ prompt: TracePrompt, after clean: RecordedRun) throws -> RecordedRun {
    let first = prompt.subject.lowerBound
    let past = clean.run.past(of: 0).prefix(first)
    let sequence = TokenSequence(Array(prompt.tokens[first...]), after: past)
    let sequences = [TokenSequence](repeating: sequence, count: settings.samples)
    var rows = try network.run(sequences, .init(0..<0)).hidden.matrix()
    let (width, count) = (network.configuration.width, prompt.tokens.count - first)
    for sample in 0..<settings.samples {
      let numbers = noise.numbers(prompt.subject.count * width, sample: sample)
      for (index, number) in numbers.enumerated() {
        rows[sample * count + index / width, index % width] += number
      }
    }
    return try recordedRun(sequences, rows, prompt)
  }

  private func recordedRun(
    _ sequences: [TokenSequence], _ embedded: Matrix<Float>, _ prompt: TracePrompt
  ) throws -> RecordedRun {
    var found: [TraceKind: [Matrix<Float>]] = [:]
    // Every run goes on from hidden states, whatever is restored.
    let kinds = Set(settings.kinds + [.hidden])
    let run = try network.run(sequences, from: embedded, .init(network.allLayers), keeping: .memory) {
      _, activation, rows in
      for kind in kinds where kind.activation == activation { found[kind, default: []].append(rows.matrix()) }
    }
    return RecordedRun(
      run: run, embedded: embedded, activations: found, probabilities: probabilities(of: run, prompt))
  }

  private func probabilities(of run: ForwardRun, _ prompt: TracePrompt) -> [Double] {
    let logits = network.lastLogits(of: run)
    return logits.indices.indices.map {
      exp(Double(logits.logProbability(row: $0, token: Int(prompt.answer[0]))))
    }
  }

  // MARK: Restoring

  /// Mean probabilities over the samples, by token from the subject's first on, by layer.
  private func restored(
    _ kind: TraceKind, _ prompt: TracePrompt, clean: RecordedRun, corrupted: RecordedRun
  ) throws -> [[Double]] {
    let layers = network.configuration.layerCount
    let tokens = Array(prompt.subject.lowerBound..<prompt.tokens.count)
    var result = tokens.map { _ in [Double](repeating: mean(corrupted.probabilities), count: layers) }
    for layer in 0..<layers {
      let blocks = kind.blocks(around: layer, window: settings.window, of: layers)
      // Nothing comes after the last block's output but the logits of the last position.
      if kind == .hidden, layer == layers - 1 {
        result[tokens.count - 1][layer] = clean.probabilities[0]
        continue
      }
      for part in parts(of: tokens, prompt) {
        let found = try probabilities(
          restoring: kind, part, in: blocks, prompt, clean: clean, corrupted: corrupted)
        for (place, token) in part.enumerated() {
          result[token - tokens[0]][layer] = mean(
            Array(found[place * settings.samples..<(place + 1) * settings.samples]))
        }
      }
    }
    return result
  }

  /// Tokens whose runs are one batch.
  private func parts(of tokens: [Int], _ prompt: TracePrompt) -> [[Int]] {
    var parts: [[Int]] = []
    var rows = Self.rowLimit
    for token in tokens {
      let own = settings.samples * (prompt.tokens.count - token)
      if rows + own > Self.rowLimit {
        parts.append([])
        rows = 0
      }
      parts[parts.count - 1].append(token)
      rows += own
    }
    return parts
  }

  /// Of the answer's first token, for each of some tokens and each sample, with the clean run's activation at that token in these blocks.
  private func probabilities(
    restoring kind: TraceKind, _ tokens: [Int], in blocks: Range<Int>, _ prompt: TracePrompt,
    clean: RecordedRun, corrupted: RecordedRun
  ) throws -> [Double] {
    let layers = network.configuration.layerCount
    let (first, count) = (prompt.subject.lowerBound, prompt.tokens.count - prompt.subject.lowerBound)
    // Hidden states are put in place; outputs only while their block runs, so that what follows them in it has its say.
    let begin = kind == .hidden ? blocks.upperBound : blocks.lowerBound
    let source = corrupted.input(of: begin)
    var sequences: [TokenSequence] = []
    var places: [Int] = []
    var elements: [Float] = []
    for token in tokens {
      let texts = Array(prompt.tokens[token...])
      for sample in 0..<settings.samples {
        sequences.append(TokenSequence(texts, after: corrupted.run.past(of: sample).prefix(token)))
        places.append(elements.count / source.columns)
        for row in token - first..<count {
          elements += source.row(sample * count + row)
        }
        if kind == .hidden {
          let start = places.last! * source.columns
          let restored = clean.activations[.hidden]![begin - 1].row(token)
          elements.replaceSubrange(start..<start + source.columns, with: restored)
        }
      }
    }
    let rows = elements.count / source.columns
    let lasts = (places.dropFirst() + [rows]).map { $0 - 1 }
    func restore(_ layer: Int, _ activation: Activation, _ rows: Rows) {
      guard activation == kind.activation, blocks.contains(layer) else { return }
      for (index, place) in places.enumerated() {
        let token = tokens[index / settings.samples]
        // Of the last block only the last positions are there.
        let isFinishing = layer == layers - 1
        if isFinishing, token != prompt.tokens.count - 1 { continue }
        rows.replace(isFinishing ? index : place, with: clean.activations[kind]![layer].row(token))
      }
    }
    let run = try network.run(
      sequences, from: Matrix(rows: rows, columns: source.columns, elements: elements),
      .init(begin..<layers), finishing: lasts, observe: kind == .hidden ? nil : restore)
    let logits = network.logits(of: run, rows: lasts)
    return lasts.indices.map { exp(Double(logits.logProbability(row: $0, token: Int(prompt.answer[0])))) }
  }

  private func mean(_ numbers: [Double]) -> Double { numbers.reduce(0, +) / Double(numbers.count) }
}
