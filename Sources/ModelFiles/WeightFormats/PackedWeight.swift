internal import Glibc
internal import Kernels

/// The number that a byte of a packed weight stands for.
package enum CodeType: Sendable {
  case e4m3
  case e5m2
  case i8

  /// That of a tensor's elements; `nil` for elements that are no such codes.
  init?(_ type: ElementType) {
    switch type {
    case .f8E4M3: self = .e4m3
    case .f8E5M2: self = .e5m2
    case .i8: self = .i8
    default: return nil
    }
  }

  var kernel: errata_code_type {
    switch self {
    case .e4m3: errata_code_e4m3
    case .e5m2: errata_code_e5m2
    case .i8: errata_code_i8
    }
  }
}

/// A weight whose numbers are bytes that scales go with: w = code · scale, and that times `factor`, each product rounded to float.
package struct PackedWeight: Sendable {
  /// The tensor of the bytes. `[outputs × inputs]`
  package let codes: TensorInfo
  let type: CodeType
  /// The tensor of the scales, row after row of a grid.
  package let scales: TensorInfo
  let scaleColumns: Int
  let rowGroup: Int
  let columnGroup: Int
  let factor: Float

  /// The decoder, given the scales' bytes.
  package func decoder(scales bytes: [UInt8]) -> ScaledCodes {
    let values =
      scales.elementType.isEditable
      ? scales.elementType.decoded(bytes)
      // A power of two by its exponent; 255 is no number.
      : bytes.map { $0 == 255 ? Float.nan : ldexpf(1, Int32($0) - 127) }
    return ScaledCodes(
      type: type, scales: values, scaleColumns: scaleColumns, rowGroup: rowGroup, columnGroup: columnGroup,
      factor: factor)
  }
}

/// The scales of a packed weight, and how its bytes become floats with them.
package struct ScaledCodes: Sendable {
  let type: CodeType
  let scales: [Float]
  let scaleColumns: Int
  let rowGroup: Int
  let columnGroup: Int
  let factor: Float

  /// Decodes columns of a row; `codes` are the bytes of just these.
  package func decode(
    _ codes: UnsafeRawBufferPointer, row: Int, from column: Int, into target: UnsafeMutablePointer<Float>
  ) {
    let first = row / rowGroup * scaleColumns
    precondition(
      codes.isEmpty
        || first + (column + codes.count - 1) / columnGroup < min(scales.count, first + scaleColumns),
      "a number of the weight")
    guard let base = codes.baseAddress else { return }
    // SAFETY: the last scale that is read was compared with their number.
    scales.withUnsafeBufferPointer {
      errata_decode_scaled(
        type.kernel, base.assumingMemoryBound(to: UInt8.self), column, codes.count, $0.baseAddress! + first,
        columnGroup, factor, target)
    }
  }
}
