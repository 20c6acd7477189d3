internal import Floor
internal import LinearAlgebra

/// Processor seconds of what is done with second moments, as measured on this machine.
public struct SolverRates: Sendable {
  /// Of a token and an entry of Σ k kᵀ.
  public let sum: Double
  /// Of a factorization, divided by the third power of its width.
  public let factor: Double
  /// Of a row of a weight in tr(W C Wᵀ), divided by the square of the width.
  public let form: Double
  /// Of a byte in a digest.
  public let digest: Double

  /// A width at which products are at full rate, and rows enough for it.
  private static let width = 1024

  /// Measures in about half a second.
  public static func measure(threads: Int) throws -> SolverRates {
    let width = width
    let keys = Matrix<Float>(
      rows: width, columns: width,
      elements: (0..<width * width).map { Float($0 * 7919 % 1009) / 1009 - 0.5 })
    let sums = SecondMomentSum(width: width)
    func seconds(_ body: () throws -> Void) rethrows -> Double {
      let begin = ProcessUse.processorSeconds
      try body()
      return ProcessUse.processorSeconds - begin
    }
    sums.add(keys, threads: threads)
    let sum = BLASThreads.with(1) { seconds { sums.add(keys, threads: threads) } }
    var moment = Matrix<Double>(rows: width, columns: width)
    for row in 0..<width {
      for (column, value) in sums.row(row).enumerated() { moment[row, column] = value }
      moment[row, row] *= 2
    }
    var made: SecondMomentFactorization?
    let factor = try BLASThreads.with(threads) {
      try seconds { made = try SecondMomentFactorization(SecondMoment(sum: moment, tokenCount: 2 * width)) }
    }
    let form = BLASThreads.with(threads) { seconds { _ = made!.quadraticForm(ofRows: keys) } }
    let bytes = [UInt8](repeating: 7, count: 1 << 23)
    let digest = seconds { _ = Digest(of: bytes) } / Double(bytes.count)
    let d = Double(width)
    return SolverRates(
      sum: sum / (d * d * d), factor: factor / (d * d * d), form: form / (d * d * d),
      digest: digest)
  }
}
