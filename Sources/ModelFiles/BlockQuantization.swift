public import Kernels

/// Stored elements as floats and back, for every type whose numbers this version knows, ggml's blocks included.
///
/// Decoding and encoding are defined as exactly as the low-rank change is: every product and sum is rounded to float, in
/// one order, so the bits are the same everywhere. They are also ggml's.
extension ElementType {
  /// Whether `decode` works; the element types that cannot are opaque: only their bytes are compared and copied.
  public var isDecodable: Bool { isEditable || blockForm.element_count > 0 }

  /// Whether `encode` works.
  public var isEncodable: Bool { isEditable || blockForm.can_encode != 0 }

  /// Turns whole blocks into floats; exact but for F64, which is rounded.
  public func decode(_ bytes: UnsafeRawBufferPointer, into floats: UnsafeMutableBufferPointer<Float>) {
    let blockCount = floats.count / blockElementCount
    precondition(
      isDecodable && floats.count % blockElementCount == 0 && bytes.count == blockCount * (bitCount / 8),
      "whole blocks of a type that is known")
    guard let source = bytes.baseAddress, let target = floats.baseAddress else { return }
    // SAFETY: the lengths were compared.
    if isEditable {
      errata_to_float(kernelType, source, target, floats.count)
    } else {
      errata_decode_blocks(blockType, source, target, blockCount)
    }
  }

  /// Turns floats into whole blocks, or, for F16 and BF16, rounds each to nearest, ties to even.
  ///
  /// - Throws: `notFinite` when a float that goes into a block is not finite: it would spoil its neighbors.
  public func encode(
    _ floats: UnsafeBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer
  ) throws(ModelFileError.Reason) {
    let blockCount = floats.count / blockElementCount
    precondition(
      isEncodable && floats.count % blockElementCount == 0 && bytes.count == blockCount * (bitCount / 8),
      "whole blocks of a type that is known")
    guard let source = floats.baseAddress, let target = bytes.baseAddress else { return }
    // SAFETY: the lengths were compared; rows of 16 and 64 bits are stored through unaligned copies or aligned buffers.
    switch self {
    case .f64:
      for index in 0..<floats.count {
        bytes.storeBytes(of: Double(floats[index]), toByteOffset: 8 * index, as: Double.self)
      }
    case .f32: bytes.copyMemory(from: UnsafeRawBufferPointer(floats))
    case .f16: errata_to_f16(source, target.assumingMemoryBound(to: UInt16.self), floats.count)
    case .bf16: errata_to_bf16(source, target.assumingMemoryBound(to: UInt16.self), floats.count)
    default:
      let index = errata_first_not_finite(source, floats.count)
      guard index == floats.count else { throw .notFinite(index: index) }
      errata_encode_blocks(blockType, source, target, blockCount)
    }
  }

  /// The floats of stored bytes.
  public func decoded(_ bytes: [UInt8]) -> [Float] {
    let count = bytes.count / (bitCount / 8) * blockElementCount
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { decode($0, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count])) }
      initialized = count
    }
  }

  /// The bytes that store floats.
  public func encoded(_ floats: [Float]) throws(ModelFileError.Reason) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: floats.count / blockElementCount * (bitCount / 8))
    var failure: ModelFileError.Reason?
    bytes.withUnsafeMutableBytes { target in
      floats.withUnsafeBufferPointer { source in
        do throws(ModelFileError.Reason) { try encode(source, into: target) } catch { failure = error }
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// The kernels' name of a block type.
  public var blockType: errata_block_type { errata_block_type(ggufCode ?? .max) }

  /// Whether the elements have scales in common and each a code of its own, so that codes can be chosen while scales stay.
  public var hasCodes: Bool { blockElementCount > 1 && errata_grid_of(blockType).highest > 0 }

  private var blockForm: errata_block_form { errata_block_form_of(blockType) }
}
