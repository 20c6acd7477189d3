internal import Kernels
internal import ModelFiles

extension ElementType {
  /// How elements of a type are ordered, and what predicts their differences. `Formats/patch.md`, *Differences*.
  var order: errata_elements {
    /// Sign, exponent of so many bits, mantissa of so many.
    func float(_ width: UInt32, exponent: UInt32, mantissa: UInt32) -> errata_elements {
      errata_elements(
        width: width, is_sign_first: 1, exponent_shift: mantissa, exponent_count: 1 << exponent, period: 0)
    }
    func whole(_ width: UInt32) -> errata_elements {
      errata_elements(width: width, is_sign_first: 0, exponent_shift: 0, exponent_count: 0, period: 0)
    }
    return switch self {
    case .f64: float(8, exponent: 11, mantissa: 52)
    case .f32, .c64: float(4, exponent: 8, mantissa: 23)
    case .bf16: float(2, exponent: 8, mantissa: 7)
    case .f16: float(2, exponent: 5, mantissa: 10)
    case .f8E5M2, .f8E5M2FNUZ: float(1, exponent: 5, mantissa: 2)
    case .f8E4M3, .f8E4M3FNUZ: float(1, exponent: 4, mantissa: 3)
    case .i64, .u64: whole(8)
    case .i32, .u32: whole(4)
    case .i16, .u16: whole(2)
    default:
      errata_elements(
        width: 1, is_sign_first: 0, exponent_shift: 0, exponent_count: 0,
        period: blockElementCount > 1 ? UInt32(blockByteCount) : 0)
    }
  }
}
