/// The 256 characters that stand for bytes in vocabularies of byte-level BPE.
///
/// Printable Latin-1 stands for itself; the other 68 bytes take the characters from U+0100 on, so that a space is `Ġ`.
///
/// - Source: openai/gpt-2 `src/encoder.py`, `bytes_to_unicode`; huggingface/tokenizers `pre_tokenizers/byte_level.rs`.
enum ByteAlphabet {
  /// The byte each character below U+0144 stands for, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    var next = 0x100
    for byte in 0..<256 {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: bytes[byte] = Int16(byte)
      default:
        bytes[next] = Int16(byte)
        next += 1
      }
    }
    return bytes
  }()

  /// The bytes that a word of this alphabet stands for, unless some character is not of the alphabet.
  static func bytes(of word: some Sequence<Unicode.Scalar>) -> [UInt8]? {
    let table = bytes
    var result: [UInt8] = []
    for scalar in word {
      guard scalar.value < table.count, table[Int(scalar.value)] >= 0 else { return nil }
      result.append(UInt8(table[Int(scalar.value)]))
    }
    return result
  }
}
