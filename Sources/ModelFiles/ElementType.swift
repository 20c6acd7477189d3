/// The kind of number a tensor stores: every type of the safetensors format.
///
/// Source: huggingface/safetensors, `safetensors/src/tensor.rs`, `enum Dtype`.
public enum ElementType: String, CaseIterable, Sendable {
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case bool = "BOOL"
  case u8 = "U8"
  case i8 = "I8"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// Bits of one element.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// Whether a low-rank change can be added to elements of this type.
  public var isEditable: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }

  /// Bytes that a tensor of this shape takes.
  ///
  /// Every number comes from a file, so each product is checked.
  public func byteCount(shape: [Int]) throws(ModelFileError.Reason) -> Int {
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, extent >= 0 else { throw .sizeOverflow }
      count = product
    }
    let (bits, overflow) = count.multipliedReportingOverflow(by: bitCount)
    guard !overflow else { throw .sizeOverflow }
    guard bits % 8 == 0 else { throw .partialByte(bits: bits) }
    return bits / 8
  }
}
