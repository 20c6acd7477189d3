/// The kind of number a tensor stores: every type of the safetensors format, then ggml's block formats.
///
/// The order of the first cases is safetensors' own, and its canonical file depends on it.
/// Source: huggingface/safetensors, `safetensors/src/tensor.rs`, `enum Dtype`; ggml-org/llama.cpp,
/// `ggml/include/ggml.h`, `enum ggml_type`.
public enum ElementType: String, CaseIterable, Sendable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
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

  // Only in GGUF files: blocks of elements that share scales.
  case q1_0 = "Q1_0"
  case q2_0 = "Q2_0"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q8_1 = "Q8_1"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"
  case q8K = "Q8_K"
  case iq1S = "IQ1_S"
  case iq1M = "IQ1_M"
  case iq2XXS = "IQ2_XXS"
  case iq2XS = "IQ2_XS"
  case iq2S = "IQ2_S"
  case iq3XXS = "IQ3_XXS"
  case iq3S = "IQ3_S"
  case iq4NL = "IQ4_NL"
  case iq4XS = "IQ4_XS"
  case tq1_0 = "TQ1_0"
  case tq2_0 = "TQ2_0"
  case mxfp4 = "MXFP4"
  case nvfp4 = "NVFP4"

  /// Elements that are stored together; 1 where each has a place of its own. Only block formats have more.
  public var blockElementCount: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4NL, .mxfp4: 32
    case .q2_0, .nvfp4: 64
    case .q1_0: 128
    case .q2K, .q3K, .q4K, .q5K, .q6K, .q8K, .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq3S, .iq4XS,
      .tq1_0,
      .tq2_0:
      256
    default: 1
    }
  }

  /// Bytes of one block.
  public var blockByteCount: Int { bitCount / 8 }

  /// Whether a safetensors file can hold the type.
  public var isInSafetensors: Bool { blockElementCount == 1 }

  /// Bits of one element, or of one block where elements are stored together.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    // Source: ggml-org/llama.cpp, `ggml/src/ggml-common.h`. (The gguf package's 40 bytes for Q8_1 are a mistake.)
    case .mxfp4: 8 * 17
    case .q1_0, .q2_0, .q4_0, .iq4NL: 8 * 18
    case .q4_1: 8 * 20
    case .q5_0: 8 * 22
    case .q5_1: 8 * 24
    case .q8_0: 8 * 34
    case .q8_1, .nvfp4: 8 * 36
    case .iq1S: 8 * 50
    case .tq1_0: 8 * 54
    case .iq1M: 8 * 56
    case .iq2XXS, .tq2_0: 8 * 66
    case .iq2XS: 8 * 74
    case .iq2S: 8 * 82
    case .q2K: 8 * 84
    case .iq3XXS: 8 * 98
    case .q3K, .iq3S: 8 * 110
    case .iq4XS: 8 * 136
    case .q4K: 8 * 144
    case .q5K: 8 * 176
    case .q6K: 8 * 210
    case .q8K: 8 * 292
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
    if blockElementCount > 1, (shape.last ?? 1) % blockElementCount != 0 {
      throw .partialBlock(rowLength: shape.last ?? 1, blockLength: blockElementCount)
    }
    let (bits, overflow) = (count / blockElementCount).multipliedReportingOverflow(by: bitCount)
    guard !overflow else { throw .sizeOverflow }
    guard bits % 8 == 0 else { throw .partialByte(bits: bits) }
    return bits / 8
  }
}
