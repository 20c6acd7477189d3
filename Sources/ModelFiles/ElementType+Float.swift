public import Kernels

extension ElementType {
  /// The kernels' name of an editable type.
  public var kernelType: errata_type {
    switch self {
    case .f64: errata_f64
    case .f32: errata_f32
    case .f16: errata_f16
    case .bf16: errata_bf16
    default: preconditionFailure("only floating-point tensors are converted")
    }
  }

  /// Converts stored elements of an editable type; `floats` is made longer where needed, never shorter.
  public func convert(_ elements: UnsafeRawPointer, count: Int, into floats: inout [Float]) {
    if floats.count < count { floats += [Float](repeating: 0, count: count - floats.count) }
    floats.withUnsafeMutableBufferPointer { errata_to_float(kernelType, elements, $0.baseAddress, count) }
  }
}
