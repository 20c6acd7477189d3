internal import Kernels
internal import LinearAlgebra

/// Low-rank factors as a patch keeps them: rounded first, so that everything after is defined by what is stored.
///
/// Components are scaled by powers of two, which rounds nothing, until the largest factor lies just below F16's top; so
/// small factors of a component stay clear of F16's subnormal numbers.
struct StoredFactors {
  let rank: Int
  let scales: [Float]
  /// [rank × outputWidth], component after component.
  let left: [Float]
  /// [rank × inputWidth], before the scale.
  let right: [Float]
  let type: TensorChange.FactorType

  /// The largest stored magnitude lies in [2¹³, 2¹⁴): F16 keeps full precision 2²⁷ below it.
  private static let topExponent = 13

  /// Rounds an update's factors: left [outputWidth × rank], right [rank × inputWidth].
  ///
  /// - Throws: `factorNotFinite` with the factor's place; `updateTooLarge` for factors beyond the range of Float.
  init(_ factors: LowRankFactors, type: TensorChange.FactorType, tensor: String) throws(PatchError) {
    if let (row, column) = factors.left.firstNonFinite() {
      throw .factorNotFinite(tensor: tensor, component: column, output: row, input: nil)
    }
    if let (row, column) = factors.right.firstNonFinite() {
      throw .factorNotFinite(tensor: tensor, component: row, output: nil, input: column)
    }
    self.type = type
    rank = factors.left.columns
    var scales: [Float] = []
    var left: [Float] = []
    var right: [Float] = []
    left.reserveCapacity(factors.left.elements.count)
    right.reserveCapacity(factors.right.elements.count)
    for component in 0..<rank {
      let leftColumn = (0..<factors.left.rows).map { factors.left[$0, component] }
      let rightRow = (0..<factors.right.columns).map { factors.right[component, $0] }
      switch type {
      case .f32:
        scales.append(1)
        left += leftColumn.map(Float.init)
        right += rightRow.map(Float.init)
      case .f16:
        let (leftShift, rightShift) = (Self.shift(leftColumn), Self.shift(rightRow))
        // The scale is a normal Float; an update too small for that loses its last components to zero.
        let exponent = max(-(leftShift + rightShift), -126)
        guard exponent <= 127 else { throw .updateTooLarge(tensor: tensor, component: component) }
        scales.append(Float(sign: .plus, exponent: exponent, significand: 1))
        left += leftColumn.map { Self.rounded($0, shift: leftShift) }
        right += rightRow.map { Self.rounded($0, shift: -exponent - leftShift) }
      }
    }
    self.scales = scales
    self.left = left
    self.right = right
    if let component = firstUnbounded { throw .updateTooLarge(tensor: tensor, component: component) }
  }

  /// The first component by which the sums of products could overflow, or that has a factor that is not finite.
  private var firstUnbounded: Int? {
    func largest(_ values: [Float], _ component: Int, scale: Float) -> Double {
      let width = values.count / max(rank, 1)
      var largest: Float = 0
      for value in values[component * width..<(component + 1) * width] {
        guard value.isFinite else { return .infinity }
        largest = max(largest, (value * scale).magnitude)
      }
      return Double(largest)
    }
    var bound = 0.0
    return (0..<rank).first { component in
      bound += largest(left, component, scale: 1) * largest(right, component, scale: scales[component])
      // Also where it is NaN: infinity times zero.
      return !(bound < 0x1p127)
    }
  }

  /// The power of two that takes the largest magnitude to the top; 0 for a component without any.
  private static func shift(_ values: [Double]) -> Int {
    let largest = values.reduce(0) { max($0, abs($1)) }
    // No power of two above 2¹⁰²³ is a Double; what is so small that it needs one becomes zero.
    return largest == 0 ? 0 : min(topExponent - Int(largest.exponent), 1023)
  }

  private static func rounded(_ value: Double, shift: Int) -> Float {
    Float(Float16(value * Double(sign: .plus, exponent: shift, significand: 1)))
  }

  /// Reads what a patch holds.
  init(of change: LowRankChange, _ tensor: String, in patch: PatchFile) throws {
    rank = change.shape.rank
    type = change.shape.factorType
    scales = StoredFactors.floats(try patch.content(change.blocks.scales), .f32)
    left = StoredFactors.floats(try patch.content(change.blocks.left), type)
    right = StoredFactors.floats(try patch.content(change.blocks.right), type)
    guard scales.allSatisfy(\.isFinite), firstUnbounded == nil else {
      throw PatchError.notFinite(file: patch.path, tensor: tensor)
    }
  }

  /// The factors as a patch defines them: left [outputWidth × rank], right [rank × inputWidth] with its scale.
  func update(of shape: LowRankForm) -> LowRankFactors {
    let right = self.right.enumerated().map { Double($1 * scales[$0 / shape.inputWidth]) }
    return LowRankFactors(
      left: Matrix(rows: rank, columns: shape.outputWidth, elements: left.map(Double.init)).transposed(),
      right: Matrix(rows: rank, columns: shape.inputWidth, elements: right))
  }

  private static func floats(_ bytes: [UInt8], _ type: TensorChange.FactorType) -> [Float] {
    let count = bytes.count / type.byteCount
    let kernelType = type == .f16 ? errata_f16 : errata_f32
    return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
      bytes.withUnsafeBytes { errata_to_float(kernelType, $0.baseAddress, floats.baseAddress, count) }
      initialized = count
    }
  }

  /// The stored bytes of factors or scales.
  static func bytes(_ values: [Float], _ type: TensorChange.FactorType) -> [UInt8] {
    switch type {
    case .f32: values.withUnsafeBytes(Array.init)
    case .f16: values.map { Float16($0) }.withUnsafeBytes(Array.init)
    }
  }
}
