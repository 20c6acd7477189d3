internal import Floor
internal import ModelFiles

/// A few of the base's weights. They travel in the patch, so that the same model is known again under other names, in
/// another order or in another element type. `Formats/patch.md`, *Sample*.
public struct WeightSample: Equatable, Sendable {
  /// The weights, rounded to Float, as bits: so that a sample with NaN equals itself.
  private let bits: [UInt32]

  /// The weights, rounded to Float.
  var values: [Float] { bits.map(Float.init(bitPattern:)) }

  /// Weights taken. Two unrelated tensors then correlate by 0 ± 0.09.
  static let count = 128

  /// Takes the weights that a change speaks of from its base.
  init(of tensor: TensorInfo, in file: OpenFile, _ form: LowRankForm) throws {
    bits = try (0..<Self.count).map { index in
      let (output, input) = Self.position(
        index, outputWidth: form.outputWidth, inputWidth: form.inputWidth)
      let isOutputMajor = form.orientation == .outputMajor
      let element = isOutputMajor ? output * form.columns + input : input * form.columns + output
      return try tensor.weight(element, in: file).bitPattern
    }
  }

  /// Where a weight of the sample stands: drawn by SplitMix64, as the draws of stochastic rounding are, with seed 0.
  static func position(_ index: Int, outputWidth: Int, inputWidth: Int) -> (output: Int, input: Int) {
    let z = SplitMix64.draw(index)
    return (Int(z >> 32) % outputWidth, Int(z & 0xFFFF_FFFF) % inputWidth)
  }

  /// Eight hexadecimal digits for the bits of each weight.
  var text: String {
    bits.map { Hexadecimal.text(UInt64($0), digits: 8) }.joined()
  }

  /// Reads the digits.
  init?(_ text: String) {
    guard let bytes = Hexadecimal.bytes(text), bytes.count == 4 * Self.count else { return nil }
    bits = (0..<Self.count).map { index in
      bytes[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  /// Pearson's correlation with other weights, over those that are finite on both sides; 0 where one side is constant.
  func correlation(with others: [Float]) -> Double {
    let pairs = zip(values, others).filter { $0.isFinite && $1.isFinite }.map { (Double($0), Double($1)) }
    let count = Double(max(pairs.count, 1))
    let means = pairs.reduce((0.0, 0.0)) { ($0.0 + $1.0 / count, $0.1 + $1.1 / count) }
    var (product, squares) = (0.0, (0.0, 0.0))
    for (own, other) in pairs {
      let (a, b) = (own - means.0, other - means.1)
      product += a * b
      squares.0 += a * a
      squares.1 += b * b
    }
    let norm = (squares.0 * squares.1).squareRoot()
    return norm > 0 ? product / norm : 0
  }
}

extension TensorInfo {
  /// One weight as Float, out of its block where elements are stored together.
  func weight(_ element: Int, in file: OpenFile) throws -> Float {
    let size = elementType.bitCount / 8
    let block = element / elementType.blockElementCount
    let bytes = try file.read(size, at: byteRange.lowerBound + block * size)
    return elementType.decoded(bytes)[element % elementType.blockElementCount]
  }
}
