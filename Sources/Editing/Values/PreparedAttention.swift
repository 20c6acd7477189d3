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
  /// The block's middle, x + attention, at the subject's last token of each input; in a parallel block its output, and x alone where
  /// attention's output is not added as it is.
  private let middles: [Matrix<Float>]
  /// Attention's output there, where it is not added as it is.
  private let given: [Matrix<Float>]?
  private let subjects: [[TokenSequence]]

  init(_ sequences: [[TokenSequence]], network: Network, layer: Int) throws {
    self.network = network
    self.layer = layer
    let flat = Array(sequences.joined())
    let below = try network.run(flat, .init(0..<layer))
    let input = below.hidden.matrix()
    var attended = Matrix<Float>(rows: 0, columns: 0)
    let run = try network.run(
      flat, from: layer == 0 ? nil : input, .init(layer..<layer + 1), keyLayers: []
    ) {
      _, activation, rows in
      if activation == .attentionOutput { attended = rows.matrix() }
    }
    let firsts = run.sequenceRows.map(\.lowerBound)
    let output = run.hidden.matrix(rows: firsts)
    let isSequential = network.configuration.block == .sequential
    let isPlain = network.configuration.addsOutputsAsTheyAre
    var given: [Matrix<Float>] = []
    var next = 0
    var starts: [[Float]] = []
    var middles: [Matrix<Float>] = []
    for problem in sequences {
      starts.append(Array(attended.row(firsts[next])))
      var middle = output.selecting(rows: next..<next + problem.count)
      let rows = Array(firsts[next..<next + problem.count])
      if !isPlain {
        middle = input.selecting(rows: rows)
        given.append(attended.selecting(rows: rows))
      } else if isSequential {
        for row in 0..<problem.count {
          for column in 0..<middle.columns {
            middle[row, column] = attended[rows[row], column] + input[rows[row], column]
          }
        }
      }
      middles.append(middle)
      next += problem.count
    }
    self.starts = starts
    self.middles = middles
    self.given = isPlain ? nil : given
    subjects = sequences.map { $0.map { TokenSequence([$0.tokens[0]]) } }
  }

  /// The block's output at the subjects' last tokens, with offsets. One row per input.
  struct Result {
    let hidden: Matrix<Float>
    /// What leads back to the offsets on attention's output; `nil` where they went into the block's.
    let run: ForwardRun?
    /// Attention's output with its offsets, where it is not added as it is.
    var attended: Matrix<Float>?
    /// The down-projection's with its own, and what that adds, where it is not added as it is: then `hidden` has it already.
    var outputs: (given: Matrix<Float>, added: Matrix<Float>)?
  }

  /// Runs block L's MLP with offsets on attention's output, and, where that is not added as it is, on the down-projection's.
  func run(_ active: [Int], offsets: [[Float]], valueOffsets: [[Float]]) throws -> Result {
    let width = network.configuration.width
    var rows = Matrix<Float>(rows: 0, columns: width)
    var attended = rows
    var added = rows
    for (place, problem) in active.enumerated() {
      guard let given else {
        rows = rows.stacked(on: middles[problem].adding(toEachRow: offsets[place]))
        continue
      }
      rows = rows.stacked(on: middles[problem])
      attended = attended.stacked(on: given[problem].adding(toEachRow: offsets[place]))
      let own = Matrix<Float>(rows: given[problem].rows, columns: width)
      added = added.stacked(on: own.adding(toEachRow: valueOffsets[place]))
    }
    guard network.configuration.block == .sequential else { return Result(hidden: rows, run: nil) }
    var span = Network.Span(layer..<layer + 1)
    span.startsInMiddle = true
    let sequences = active.flatMap { subjects[$0] }
    guard given != nil else {
      let run = try network.run(sequences, from: rows, span, keeping: .tape)
      return Result(hidden: run.hidden.matrix(), run: run)
    }
    let change = network.addition(of: attended, .attention, layer: layer)
    for row in 0..<rows.rows { for column in 0..<width { rows[row, column] += change[row, column] } }
    var outputs = Matrix<Float>(rows: 0, columns: 0)
    let run = try network.run(
      sequences, from: rows, span, keeping: .tape, offsets: added, keyLayers: []
    ) {
      _, activation, rows in
      if activation == .value { outputs = rows.matrix() }
    }
    return Result(
      hidden: run.hidden.matrix(), run: run, attended: attended,
      outputs: (outputs, network.addition(of: outputs, .feedForward, layer: layer)))
  }

  /// The gradient of the offsets on attention's output, given that of the block's. One row per input.
  func gradient(of result: Result, after gradient: Matrix<Float>) -> Matrix<Float> {
    guard let run = result.run else { return gradient }
    let middle = network.backward(run, from: gradient).matrix()
    guard let attended = result.attended else { return middle }
    return network.gradient(of: attended, .attention, layer: layer, after: middle)
  }
}
