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
  /// - Returns: `nil` when a factor is not finite or beyond the range of Float.
  init?(_ factors: LowRankFactors, type: TensorChange.FactorType) {
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
        guard let leftShift = Self.shift(leftColumn), let rightShift = Self.shift(rightRow) else {
          return nil
        }
        // The scale is a normal Float; an update too small for that loses its last components to zero.
        let exponent = max(-(leftShift + rightShift), -126)
        guard exponent <= 127 else { return nil }
        scales.append(Float(sign: .plus, exponent: exponent, significand: 1))
        left += leftColumn.map { Self.rounded($0, shift: leftShift) }
        right += rightRow.map { Self.rounded($0, shift: -exponent - leftShift) }
      }
    }
    self.scales = scales
    self.left = left
    self.right = right
    guard isBounded else { return nil }
  }

  /// Whether all factors are finite and so small that no sum of products overflows.
  private var isBounded: Bool {
    func largest(_ values: [Float], _ component: Int, scale: Float) -> Double {
      let width = values.count / max(rank, 1)
      var largest: Float = 0
      for value in values[component * width..<(component + 1) * width] {
        guard value.isFinite else { return .infinity }
        largest = max(largest, (value * scale).magnitude)
      }
      return Double(largest)
    }
    guard scales.allSatisfy(\.isFinite) else { return false }
    let bound = (0..<rank).reduce(0.0) {
      $0 + largest(left, $1, scale: 1) * largest(right, $1, scale: scales[$1])
    }
    return bound < 0x1p127
  }

  /// The power of two that takes the largest magnitude to the top; 0 for a component without any.
  private static func shift(_ values: [Double]) -> Int? {
    var largest = 0.0
    for value in values {
      guard value.isFinite else { return nil }
      largest = max(largest, abs(value))
    }
    // No power of two above 2¹⁰²³ is a Double; what is so small that it needs one becomes zero.
    return largest == 0 ? 0 : min(topExponent - Int(largest.exponent), 1023)
  }

  private static func rounded(_ value: Double, shift: Int) -> Float {
    Float(Float16(value * Double(sign: .plus, exponent: shift, significand: 1)))
  }

  /// Reads what a patch holds.
  init(change: TensorChange, patch: PatchFile) throws {
    rank = change.rank
    type = change.factorType
    scales = StoredFactors.floats(try patch.content(change.blocks("scales")), .f32)
    left = StoredFactors.floats(try patch.content(change.blocks("left")), type)
    right = StoredFactors.floats(try patch.content(change.blocks("right")), type)
    guard isBounded else {
      throw PatchError.notFinite(file: patch.path, tensor: change.name)
    }
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
