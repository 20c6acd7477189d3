internal import Glibc
internal import LinearAlgebra

/// A recurrent network that reads a text in one direction: torch's LSTM, one layer, its two biases one.
///
///     (i, f, g, o) = σ, σ, tanh, σ of Wx x + Wh h + b,   c ← f c + i g,   h ← o tanh c
struct TextReader {
  /// `[4 rank × width]`, i above f above g above o.
  let input: Matrix<Float>
  /// `[4 rank × rank]`
  let recurrent: Matrix<Float>
  /// `[1 × 4 rank]`
  let bias: [Float]

  private var rank: Int { recurrent.columns }

  /// What the way back needs of a token.
  struct Tape {
    let row: Int
    /// i, f, g, o, after their functions.
    let gates: [Float]
    let (lastHidden, lastCell, cell): ([Float], [Float], [Float])
  }

  /// h after the last token in reading order.
  ///
  /// - Parameter words: the text. `[tokens × width]`
  func read(_ words: Matrix<Float>, backwards: Bool) -> (hidden: [Float], tapes: [Tape]) {
    let given = words.times(input, otherTransposed: true).adding(toEachRow: bias)
    var (hidden, cell) = ([Float](repeating: 0, count: rank), [Float](repeating: 0, count: rank))
    var tapes: [Tape] = []
    for row in backwards ? Array((0..<words.rows).reversed()) : Array(0..<words.rows) {
      let own = recurrent.times(hidden)
      var gates = zip(given.row(row), own).map { $0 + $1 }
      for index in gates.indices {
        gates[index] = index / rank == 2 ? tanhf(gates[index]) : logistic(gates[index])
      }
      var (next, after) = (cell, hidden)
      for unit in 0..<rank {
        next[unit] = gates[rank + unit] * cell[unit] + gates[unit] * gates[2 * rank + unit]
        after[unit] = gates[3 * rank + unit] * tanhf(next[unit])
      }
      tapes.append(Tape(row: row, gates: gates, lastHidden: hidden, lastCell: cell, cell: next))
      (hidden, cell) = (after, next)
    }
    return (hidden, tapes)
  }

  /// Adds the gradient by the three matrices, given that by the last h.
  func backward(
    _ words: Matrix<Float>, _ tapes: [Tape], from last: [Float], into sum: inout ArraySlice<Matrix<Float>>
  ) {
    let first = sum.startIndex
    var ofHidden = last
    var ofCell = [Float](repeating: 0, count: rank)
    // All tokens' gradients by what goes into the gates, and what they were made of.
    var ofGates = Matrix<Float>(rows: tapes.count, columns: 4 * rank)
    var before = Matrix<Float>(rows: tapes.count, columns: rank)
    for (place, tape) in tapes.enumerated().reversed() {
      let (gates, rank) = (tape.gates, rank)
      for unit in 0..<rank {
        let (i, f, g, o) = (gates[unit], gates[rank + unit], gates[2 * rank + unit], gates[3 * rank + unit])
        let passed = tanhf(tape.cell[unit])
        ofGates[place, 3 * rank + unit] = ofHidden[unit] * passed * o * (1 - o)
        let own = ofCell[unit] + ofHidden[unit] * o * (1 - passed * passed)
        ofGates[place, unit] = own * g * i * (1 - i)
        ofGates[place, rank + unit] = own * tape.lastCell[unit] * f * (1 - f)
        ofGates[place, 2 * rank + unit] = own * i * (1 - g * g)
        ofCell[unit] = own * f
        before[place, unit] = tape.lastHidden[unit]
      }
      ofHidden = recurrent.times(Array(ofGates.row(place)), transposed: true)
    }
    sum[first].addProduct(ofGates, words.selecting(rows: tapes.map(\.row)), firstTransposed: true)
    sum[first + 1].addProduct(ofGates, before, firstTransposed: true)
    for row in 0..<ofGates.rows {
      for column in 0..<ofGates.columns { sum[first + 2][0, column] += ofGates[row, column] }
    }
  }
}

/// 1/(1 + e⁻ˣ).
func logistic(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
