internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// How much each neuron adds to a token's probability: integrated gradients over the down-projection's input.
///
///     Attr_i = k_i ∫₀¹ ∂P/∂k_i (α k) dα,   Σ_i Attr_i = P(k) − P(0)
///
/// at one position and layer, all earlier positions as they are. The key is what the down-projection reads, so of gated feed-forwards the
/// product of both branches: completeness holds in the very numbers that an edit is about.
///
/// Earlier positions are run once. Every (text, layer, α) then is one row that enters at its layer, side by side with those of all texts.
///
/// - Source: Dai et al., *Knowledge Neurons in Pretrained Transformers*, arXiv:2104.08696; Hunter-DDM/knowledge-neurons.
struct NeuronAttribution {
  let network: Network
  let quadrature: Quadrature
  var site = Site.key
  /// Rows run side by side at most.
  private static let rowLimit = 512

  /// Which numbers are scaled.
  enum Site {
    /// What the down-projection reads.
    case key
    /// What goes into the activation, as the port in EasyEdit has it: of gated layers the gate's branch alone. Nothing completes there.
    case projection
  }

  /// The numbers of a layer at the places. `[places × keyWidth]`
  private struct Baseline {
    var keys: Matrix<Float>
    /// Of `Site.projection` alone.
    var first: Matrix<Float>?
    var up: Matrix<Float>?

    func selecting(_ places: [Int]) -> Baseline {
      Baseline(
        keys: keys.selecting(rows: places), first: first?.selecting(rows: places),
        up: up?.selecting(rows: places))
    }
  }

  /// A position, and the token that is asked for after it.
  struct Place {
    /// The text up to the position and with it.
    let tokens: [Int32]
    let answer: Int32
  }

  /// What was found at the places.
  struct Found {
    /// By layer. `[places × keyWidth]`
    var keys: [Matrix<Float>] = []
    /// By layer. `[places × keyWidth]`
    var attributions: [Matrix<Float>] = []
    /// Of the answers, as the network is.
    var probabilities: [Double] = []
  }

  func find(_ places: [Place]) throws -> Found {
    let sequences = try sequences(places)
    let layers = network.configuration.layerCount
    var found = Found()
    var inputs = [try network.run(sequences, .init(0..<0)).hidden.matrix()]
    var read: [Matrix<Float>] = []
    let run = try network.run(sequences, from: inputs[0], .init(0..<layers)) { _, activation, rows in
      if activation == .key { found.keys.append(rows.matrix()) }
      if activation == .feedForwardInput, site == .projection { read.append(rows.matrix()) }
      if activation == .hidden { inputs.append(rows.matrix()) }
    }
    let logits = network.logits(of: run, rows: Array(places.indices))
    found.probabilities = places.indices.map {
      exp(Double(logits.logProbability(row: $0, token: Int(places[$0].answer))))
    }
    guard found.probabilities.allSatisfy(\.isFinite) else { throw try network.notNumbers() }
    for layer in 0..<layers {
      var baseline = Baseline(keys: found.keys[layer])
      if site == .projection {
        (baseline.first, baseline.up) = network.projections(of: read[layer], layer: layer)
      }
      var attributions = Matrix<Float>(rows: 0, columns: found.keys[layer].columns)
      for first in stride(from: 0, to: places.count, by: step) {
        let part = Array(first..<min(first + step, places.count))
        attributions = attributions.stacked(
          on: try gradients(
            part.map { (sequences[$0], places[$0].answer) }, inputs[layer].selecting(rows: part),
            baseline.selecting(part), layer: layer))
      }
      let scaled = baseline.first ?? baseline.keys
      for row in 0..<attributions.rows {
        for column in 0..<attributions.columns { attributions[row, column] *= scaled[row, column] }
      }
      found.attributions.append(attributions)
    }
    return found
  }

  /// Places whose rows are run side by side.
  private var step: Int { max(1, Self.rowLimit / max(quadrature.points.count, 1)) }

  /// The last token of each place, after what comes before it.
  private func sequences(_ places: [Place]) throws -> [TokenSequence] {
    var heads: [[Int32]: Int] = [:]
    for place in places where place.tokens.count > 1 {
      let head = Array(place.tokens.dropLast())
      if heads[head] == nil { heads[head] = heads.count }
    }
    let ordered = heads.sorted { $0.value < $1.value }.map { TokenSequence($0.key) }
    let memory = ordered.isEmpty ? nil : try network.run(ordered, keeping: .memory)
    return places.map { place in
      let past = heads[Array(place.tokens.dropLast())].flatMap { memory?.past(of: $0) }
      return TokenSequence([place.tokens.last!], after: past)
    }
  }

  /// ∫ ∂P/∂(what is scaled) dα at each place. `[places × keyWidth]`
  ///
  /// - Parameter inputs: of the layer. `[places × width]`
  private func gradients(
    _ places: [(sequence: TokenSequence, answer: Int32)], _ inputs: Matrix<Float>, _ baseline: Baseline,
    layer: Int
  ) throws -> Matrix<Float> {
    let points = quadrature.points
    let rows = places.indices.flatMap { place in points.map { (place, $0) } }
    let first = baseline.first.map { Self.scaled($0, rows) }
    let up = baseline.up?.selecting(rows: rows.map(\.0))
    let keys = first.map { network.activated($0, times: up) } ?? Self.scaled(baseline.keys, rows)
    let sequences = rows.map { places[$0.0].sequence }
    var values = Matrix<Float>(rows: 0, columns: 0)
    let own = try network.run(
      sequences, from: inputs.selecting(rows: rows.map(\.0)), .init(layer..<layer + 1)
    ) { _, activation, observed in
      if activation == .key {
        for row in rows.indices { observed.replace(row, with: Array(keys.row(row))) }
      }
      if activation == .value { values = observed.matrix() }
    }
    let run = try network.run(
      sequences, from: own.hidden.matrix(), .init(layer + 1..<network.configuration.layerCount),
      keeping: .tape)
    let logits = network.logits(of: run, rows: Array(rows.indices))
    // ∂P = −P ∂(−log P)
    let terms = rows.enumerated().map { row, place in
      let answer = Int(places[place.0].answer)
      return LossTerm(row: row, .target(answer), weight: -exp(logits.logProbability(row: row, token: answer)))
    }
    let (_, gradient) = try network.loss(terms, of: logits)
    let stream = network.backward(run, logits: logits, gradient: gradient).matrix()
    let ofValues = network.gradient(of: values, .feedForward, layer: layer, after: stream)
    guard let first else {
      return network.keyGradient(after: Self.mean(ofValues, rows, of: places.count), layer: layer)
    }
    let ofKeys = network.keyGradient(after: ofValues, layer: layer)
    return Self.mean(network.gradient(ofFirst: first, up: up, after: ofKeys).first, rows, of: places.count)
  }

  private typealias Point = (place: Double, weight: Double)

  /// Each place's numbers at each point.
  private static func scaled(_ numbers: Matrix<Float>, _ rows: [(Int, Point)]) -> Matrix<Float> {
    var scaled = numbers.selecting(rows: rows.map(\.0))
    for (row, (_, point)) in rows.enumerated() {
      for column in 0..<scaled.columns { scaled[row, column] *= Float(point.place) }
    }
    return scaled
  }

  /// The points' sum at each place.
  private static func mean(_ numbers: Matrix<Float>, _ rows: [(Int, Point)], of count: Int) -> Matrix<Float> {
    var mean = Matrix<Float>(rows: count, columns: numbers.columns)
    for (row, (place, point)) in rows.enumerated() {
      for column in 0..<mean.columns { mean[place, column] += Float(point.weight) * numbers[row, column] }
    }
    return mean
  }
}
