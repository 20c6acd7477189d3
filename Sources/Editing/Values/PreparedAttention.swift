internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// PMET's second offset, on attention's output at the subject's last token.
///
/// In a block where the MLP reads x + attention, block L's MLP is run again at that one token; nothing else in the block sees
/// the offset. In a parallel block both offsets meet in the block's output.
struct PreparedAttention {
  private let network: Network
  private let layer: Int
  /// Attention's output at the subject's last token of each problem's bare prompt.
  let starts: [[Float]]
  /// The block's middle, x + attention, at the subject's last token of each input; in a parallel block its output.
  private let middles: [Matrix<Float>]
  private let subjects: [[TokenSequence]]

  init(_ sequences: [[TokenSequence]], network: Network, layer: Int) throws {
    self.network = network
    self.layer = layer
    let flat = Array(sequences.joined())
    let below = try network.run(flat, .init(0..<layer))
    let input = below.hidden.matrix()
    var attended = Matrix<Float>(rows: 0, columns: 0)
    let run = try network.run(flat, from: layer == 0 ? nil : input, .init(layer..<layer + 1)) {
      _, activation, rows in
      if activation == .attentionOutput { attended = rows.matrix() }
    }
    let firsts = run.sequenceRows.map(\.lowerBound)
    let output = run.hidden.matrix(rows: firsts)
    let isSequential = network.configuration.block == .sequential
    var next = 0
    var starts: [[Float]] = []
    var middles: [Matrix<Float>] = []
    for problem in sequences {
      starts.append(Array(attended.row(firsts[next])))
      var middle = output.selecting(rows: next..<next + problem.count)
      if isSequential {
        for row in 0..<problem.count {
          for column in 0..<middle.columns {
            middle[row, column] = attended[firsts[next + row], column] + input[firsts[next + row], column]
          }
        }
      }
      middles.append(middle)
      next += problem.count
    }
    self.starts = starts
    self.middles = middles
    subjects = sequences.map { $0.map { TokenSequence([$0.tokens[0]]) } }
  }

  /// The block's output at the subjects' last tokens with offsets on attention's.
  ///
  /// - Returns: `hidden`: one row per input. `run`: what leads back to the offsets; `nil` where they went into the output.
  func run(_ active: [Int], offsets: [[Float]]) throws -> (hidden: Matrix<Float>, run: ForwardRun?) {
    var rows = Matrix<Float>(rows: 0, columns: network.configuration.width)
    for (place, problem) in active.enumerated() {
      var middle = middles[problem]
      for row in 0..<middle.rows {
        for (column, value) in offsets[place].enumerated() { middle[row, column] += value }
      }
      rows = rows.stacked(on: middle)
    }
    guard network.configuration.block == .sequential else { return (rows, nil) }
    var span = Network.Span(layer..<layer + 1)
    span.startsInMiddle = true
    let run = try network.run(active.flatMap { subjects[$0] }, from: rows, span, keeping: .tape)
    return (run.hidden.matrix(), run)
  }
}
