internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Groups whose constant part has been run: hidden states after block L from the subject's last token on, and keys and
/// values of what comes before it.
struct PreparedValues {
  private let network: Network
  private let layer: Int
  /// Inputs by problem.
  private let inputs: [[ValueProblem.Input]]
  /// What follows the past of each input.
  private let sequences: [[TokenSequence]]
  /// Hidden states of each input's positions from the subject on. `[positions × width]`
  private let hidden: [[Matrix<Float>]]
  /// What the down-projection gives at each input's subject, and what that adds to the stream, where these are not the same.
  /// `[inputs × width]` by problem
  private let outputs: [(given: Matrix<Float>, added: Matrix<Float>)]?
  /// h₀ of each problem.
  let starts: [[Float]]
  /// PMET: where a second offset goes.
  let attention: PreparedAttention?

  init(_ problems: [ValueProblem], network: Network, layer: Int, target: ValueSettings.Target) throws {
    self.network = network
    self.layer = layer
    inputs = problems.map(\.inputs)

    // Contexts and beginnings of prompts recur: each text before a subject is run once.
    var heads: [[Int32]: Int] = [:]
    for input in inputs.joined() where input.subject > 0 {
      let head = Array(input.tokens[..<input.subject])
      if heads[head] == nil { heads[head] = heads.count }
    }
    let ordered = heads.sorted { $0.value < $1.value }.map(\.key)
    let memory = try ordered.isEmpty ? nil : network.run(ordered.map { TokenSequence($0) }, keeping: .memory)

    sequences = inputs.map { inputs in
      inputs.map { input in
        let past = heads[Array(input.tokens[..<input.subject])].flatMap { memory?.past(of: $0) }
        return TokenSequence(Array(input.tokens[input.subject...]), after: past)
      }
    }
    var values = Matrix<Float>(rows: 0, columns: 0)
    let isPlain = network.configuration.addsOutputsAsTheyAre
    let flat = Array(sequences.joined())
    let run = try network.run(flat, .init(0..<layer + 1), keyLayers: []) { block, activation, rows in
      if block == layer, activation == .value, target != .hidden || !isPlain { values = rows.matrix() }
    }
    let states = run.hidden.matrix()
    var next = 0
    hidden = sequences.map { sequences in
      sequences.map { _ in
        defer { next += 1 }
        return states.selecting(rows: run.sequenceRows[next])
      }
    }
    // The bare prompt of a problem's first fact comes first.
    var first = 0
    starts = sequences.map { sequences in
      defer { first += sequences.count }
      let row = run.sequenceRows[first].lowerBound
      return Array(target != .hidden ? values.row(row) : states.row(row))
    }
    if isPlain {
      outputs = nil
    } else {
      var next = 0
      outputs = sequences.map { sequences in
        defer { next += sequences.count }
        let rows = run.sequenceRows[next..<next + sequences.count].map(\.lowerBound)
        let given = values.selecting(rows: rows)
        return (given, network.addition(of: given, .feedForward, layer: layer))
      }
    }
    attention =
      target == .valueWithAttention
      ? try PreparedAttention(sequences, network: network, layer: layer) : nil
  }

  /// What the down-projection gives with offsets, and what that adds to the stream, where these are not the same; a row per input.
  private func moved(
    _ active: [Int], offsets: [[Float]]
  ) -> (given: Matrix<Float>, added: Matrix<Float>)? {
    guard let outputs else { return nil }
    var given = Matrix<Float>(rows: 0, columns: network.configuration.width)
    for (problem, offset) in zip(active, offsets) {
      given = given.stacked(on: outputs[problem].given.adding(toEachRow: offset))
    }
    return (given, network.addition(of: given, .feedForward, layer: layer))
  }

  /// Runs some problems with their offsets: losses without weight decay, and gradients.
  ///
  /// - Parameters:
  ///   - references: log p₀ of each problem, at each place where it is to stay; filled in where it is missing, from the offset at hand
  ///     (zero).
  ///   - ownWordsWeight: of the divergence over the model's own words of the subject, the mean over their places.
  func evaluate(
    _ active: [Int], states: [OffsetState], references: inout [[[Float]]], divergenceWeight: Float,
    ownWordsWeight: Float = 0
  ) throws -> [ValueLoss] {
    let width = network.configuration.width
    var rows: [Float] = []
    var batch: [TokenSequence] = []
    let attended = try attention?.run(
      active, offsets: states.map { $0.streams[1].offset }, valueOffsets: states.map(\.offset))
    let moved = attended == nil ? moved(active, offsets: states.map(\.offset)) : attended?.outputs
    for (place, problem) in active.enumerated() {
      for (index, sequence) in sequences[problem].enumerated() {
        var state = hidden[problem][index]
        if let attended {
          for (column, value) in attended.hidden.row(batch.count).enumerated() { state[0, column] = value }
        } else if let moved, let outputs {
          for column in 0..<width {
            state[0, column] += moved.added[batch.count, column] - outputs[problem].added[index, column]
          }
        }
        if outputs == nil {
          for column in 0..<width { state[0, column] += states[place].offset[column] }
        }
        rows += state.elements
        batch.append(sequence)
      }
    }
    let matrix = Matrix(rows: rows.count / width, columns: width, elements: rows)
    let run = try network.run(
      batch, from: matrix, .init(layer + 1..<network.configuration.layerCount), keeping: .tape)

    // Logits at target positions, and at the subject alone.
    var logitRows: [Int] = []
    var terms: [LossTerm] = []
    var reading: [(problem: Int, fact: Int, tokens: Int, range: Range<Int>)] = []
    var divergences: [(row: Int, place: Int, weight: Float)] = []
    var next = 0
    for (place, problem) in active.enumerated() {
      let facts = inputs[problem].compactMap(\.fact)
      let ownPlaces = inputs[problem].reduce(0) { $0 + ($1.isSubject ? 0 : $1.kept.count) }
      for input in inputs[problem] {
        let first = run.sequenceRows[next].lowerBound
        next += 1
        guard let fact = input.fact else {
          for position in input.kept {
            let weight = input.isSubject ? divergenceWeight : ownWordsWeight / Float(ownPlaces)
            divergences.append((logitRows.count, place, weight))
            logitRows.append(first + position - input.subject)
          }
          continue
        }
        let contexts = facts.count { $0 == fact }
        let start = terms.count
        for target in input.targets {
          terms.append(
            LossTerm(
              row: logitRows.count, .target(target.token),
              weight: states[place].targetFactor / Float(contexts * input.targets.count)))
          logitRows.append(first + target.position - input.subject)
        }
        reading.append((place, fact, input.targets.count, start..<terms.count))
      }
    }
    let logits = network.logits(of: run, rows: logitRows)
    let firstDivergence = terms.count
    var known = active.map { _ in 0 }
    for (row, place, weight) in divergences {
      let problem = active[place]
      if references[problem].count == known[place] {
        references[problem].append(logits.logProbabilities(row: row))
      }
      terms.append(
        LossTerm(row: row, .divergence(from: references[problem][known[place]]), weight: weight))
      known[place] += 1
    }
    let (values, gradient) = try network.loss(terms, of: logits)
    let offsetsGradient = network.backward(run, logits: logits, gradient: gradient)

    let firsts = run.sequenceRows.map(\.lowerBound)
    let streamGradient = offsetsGradient.matrix(rows: firsts)
    let attentionGradient = attended.map { attention!.gradient(of: $0, after: streamGradient) }
    let valueGradient =
      moved.map { network.gradient(of: $0.given, .feedForward, layer: layer, after: streamGradient) }
      ?? streamGradient
    var sequence = 0
    return active.indices.map { place in
      var sum = [Float](repeating: 0, count: width)
      var attentionSum = sum
      for _ in sequences[active[place]] {
        if let attentionGradient {
          for (column, value) in attentionGradient.row(sequence).enumerated() {
            attentionSum[column] += value
          }
        }
        for (column, value) in valueGradient.row(sequence).enumerated() { sum[column] += value }
        sequence += 1
      }
      let own = reading.filter { $0.problem == place }
      let divergence = divergences.indices.reduce(Float(0)) { sum, index in
        divergences[index].place == place
          ? sum + values[firstDivergence + index] * divergences[index].weight : sum
      }
      var loss = divergence
      var targetLoss: Float = 0
      var probability = 0.0
      var isMostProbable = true
      for text in own {
        let terms = terms[text.range]
        let part = zip(terms, values[text.range]).reduce(0) { $0 + $1.0.weight * $1.1 }
        loss += part
        targetLoss += part
        probability += exp(-Double(values[text.range].reduce(0, +)) / Double(text.tokens))
        for term in terms {
          guard case .target(let token) = term.kind else { continue }
          isMostProbable = isMostProbable && logits.mostProbable(row: term.row) == token
        }
      }
      var result = ValueLoss(
        loss: loss, gradient: sum, probability: probability / Double(max(own.count, 1)),
        isMostProbable: isMostProbable, fullLoss: loss + targetLoss * (1 / states[place].targetFactor - 1))
      result.divergence = divergence
      if attention != nil { result.attentionGradient = attentionSum }
      return result
    }
  }
}

extension Matrix<Float> {
  /// The same with a vector added to each row.
  func adding(toEachRow offset: [Float]) -> Matrix {
    var result = self
    for row in 0..<rows { for (column, value) in offset.enumerated() { result[row, column] += value } }
    return result
  }
}
