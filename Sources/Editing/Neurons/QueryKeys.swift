internal import LinearAlgebra

/// Rows that tell some states from ordinary ones, by least squares.
struct QueryKeys {
  /// E[x xᵀ] of ordinary states, behind them a 1 where the layer has a bias. `[width × width]`
  private let moment: Matrix<Double>
  /// E[x], likewise.
  private let mean: [Double]
  private let hasBias: Bool

  /// A detector is this at the states it is for, and less as much at ordinary ones.
  private static let height = 8.0
  /// Of the mean diagonal: fewer tokens than entries leave directions unseen.
  private static let ridge = 1e-3

  /// - Parameter memory: ordinary states. `[tokens × width]`
  init(_ memory: Matrix<Float>, hasBias: Bool) throws {
    self.hasBias = hasBias
    let states = Matrix<Double>(memory)
    let count = Double(max(states.rows, 1))
    var gram = states.times(states, transposed: true)
    gram.scale(by: 1 / count)
    var mean = [Double](repeating: 0, count: states.columns)
    for row in 0..<states.rows {
      for (column, value) in states.row(row).enumerated() { mean[column] += value }
    }
    mean = mean.map { $0 / count }
    let width = states.columns
    let size = (0..<width).reduce(0) { $0 + gram[$1, $1] } / Double(max(width, 1))
    for index in 0..<width { gram[index, index] += Self.ridge * size }
    guard hasBias else {
      (moment, self.mean) = (gram, mean)
      return
    }
    var wide = Matrix<Double>(rows: width + 1, columns: width + 1)
    for row in 0..<width {
      for column in 0..<width { wide[row, column] = gram[row, column] }
      wide[row, width] = mean[row]
      wide[width, row] = mean[row]
    }
    wide[width, width] = 1 + 1e-6
    (moment, self.mean) = (wide, mean + [1])
  }

  private func wide(_ state: [Float]) -> [Double] { state.map(Double.init) + (hasBias ? [1] : []) }

  /// g with g·q ≈ h at some states, g·x ≈ −h at ordinary ones and at others, in the mean square.
  ///
  /// - Returns: the row and its bias, zero where the layer has none.
  func detector(of states: [[Float]], against others: [[Float]]) throws -> (row: [Float], bias: Float) {
    var system = moment
    var wanted = mean.map { -Self.height * $0 }
    func add(_ states: [[Float]], _ height: Double) {
      for state in states {
        let x = wide(state)
        let weight = 1 / Double(states.count)
        for row in x.indices {
          wanted[row] += weight * height * x[row]
          for column in x.indices { system[row, column] += weight * x[row] * x[column] }
        }
      }
    }
    add(states, Self.height)
    add(others, -Self.height)
    var solved = Matrix(rows: 1, columns: wanted.count, elements: wanted)
    try Cholesky(factoring: system).solve(&solved, vectors: .rows)
    let row = solved.elements.prefix(wanted.count - (hasBias ? 1 : 0)).map { Float($0) }
    return (row, hasBias ? Float(solved.elements.last!) : 0)
  }

  /// u with u·q̄ = 1 at the mean of some states and the least mean square at ordinary ones, C⁻¹q̄ / (q̄ᵀC⁻¹q̄): ROME's direction.
  func unit(of states: [[Float]]) throws -> [Float] {
    let width = states[0].count
    var mean = [Double](repeating: 0, count: width)
    for state in states {
      for (column, value) in state.enumerated() { mean[column] += Double(value) / Double(states.count) }
    }
    var gram = Matrix<Double>(rows: width, columns: width)
    for row in 0..<width { for column in 0..<width { gram[row, column] = moment[row, column] } }
    var solved = Matrix(rows: 1, columns: width, elements: mean)
    try Cholesky(factoring: gram).solve(&solved, vectors: .rows)
    let scale = zip(solved.elements, mean).reduce(0) { $0 + $1.0 * $1.1 }
    return solved.elements.map { Float($0 / scale) }
  }
}
