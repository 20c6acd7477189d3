internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// What a layer meets in ordinary text: states that added neurons are to be quiet at, and how much each of its own neurons is used.
struct TextMemory {
  /// What the feed-forward reads. `[tokens × width]`
  let inputs: Matrix<Float>
  /// E[k_j²] of each neuron.
  let energies: [Double]
  /// E[‖output of the down-projection‖²].
  let outputEnergy: Double

  private static let batchTokens = 1024

  /// Runs texts up to a layer.
  init(_ texts: [[Int32]], network: Network, layer: Int) throws {
    let width = network.configuration.width
    var inputs: [Float] = []
    var energies = [Double](repeating: 0, count: network.keyWidth(of: layer))
    var (outputs, tokens) = (0.0, 0)
    var next = 0
    while next < texts.count {
      var (end, rows) = (next, 0)
      while end < texts.count, end == next || rows + texts[end].count <= Self.batchTokens {
        rows += texts[end].count
        end += 1
      }
      // What begins a text is the same in all of them, and outweighs all else in some networks.
      let kept = texts[next..<end].reduce(into: [Int]()) { kept, text in
        let first = kept.last.map { $0 + 1 } ?? 0
        kept += Array(first + 1..<first + text.count)
      }
      _ = try network.run(
        texts[next..<end].map { TokenSequence($0) }, .init(0..<layer + 1), keyLayers: [layer]
      ) { block, activation, observed in
        guard block == layer else { return }
        switch activation {
        case .feedForwardInput: inputs += observed.matrix(rows: kept).elements
        case .key:
          let keys = observed.matrix(rows: kept)
          for row in 0..<keys.rows {
            for (column, value) in keys.row(row).enumerated() {
              energies[column] += Double(value) * Double(value)
            }
          }
        case .value:
          outputs += observed.matrix(rows: kept).elements.reduce(0) { $0 + Double($1) * Double($1) }
        default: break
        }
      }
      tokens += kept.count
      next = end
    }
    self.inputs = Matrix(rows: tokens, columns: width, elements: inputs)
    self.energies = energies.map { $0 / Double(tokens) }
    outputEnergy = outputs / Double(tokens)
    guard outputEnergy.isFinite else { throw try network.notNumbers() }
  }

  /// Neurons that are missed least, and what they carry: E[k_j²] ‖w_j‖² of all of them, as a share of the outputs' energy.
  ///
  /// To first order that is what their loss costs on ordinary text.
  ///
  /// - Parameters:
  ///   - weight: the down-projection. `[width × keyWidth]`
  ///   - taken: neurons that are spoken for.
  func idle(_ count: Int, of weight: Matrix<Float>, except taken: Set<Int>) -> (neurons: [Int], share: Double)
  {
    var norms = [Double](repeating: 0, count: weight.columns)
    for row in 0..<weight.rows {
      for (column, value) in weight.row(row).enumerated() { norms[column] += Double(value) * Double(value) }
    }
    let costs = zip(energies, norms).map { $0 * $1 }
    let order = costs.indices.filter { !taken.contains($0) }.sorted { (costs[$0], $0) < (costs[$1], $1) }
    let chosen = order.prefix(count).sorted()
    return (chosen, chosen.reduce(0) { $0 + costs[$1] } / max(outputEnergy, .leastNormalMagnitude))
  }
}
