import ModelFiles

extension ErrorReport {
  /// Reasons that only GGUF files give.
  static func ggufReason(_ reason: ModelFileError.Reason) -> (why: String, advice: String?) {
    switch reason {
    case .notGGUF(let found):
      let text = found.map { (0x20..<0x7F).contains($0) ? String(UnicodeScalar($0)) : "·" }.joined()
      return ("a GGUF file begins with \"GGUF\", this file with \"\(text)\"", nil)
    case .bigEndian(let version):
      return (
        "it is a big-endian file (version \(version) in that order); only little-endian files are read",
        "convert it with gguf-py's gguf_convert_endian.py"
      )
    case .unknownVersion(let version):
      return (
        "its version is \(version), versions 2 and 3 are read", version == 1 ? "convert the model again" : nil
      )
    case .headerCut(let expected, let found):
      return (
        "\(expected) bytes were to follow, the file has \(found) left",
        "download the file again: it is cut short"
      )
    case .tooManyTensors(let count, let limit):
      return ("the header claims \(count) tensors, there is room for \(limit)", nil)
    case .tooManyKeys(let count, let limit):
      return ("the header claims \(count) metadata keys, there is room for \(limit)", nil)
    case .stringTooLong(let length, let limit):
      return ("a string of \(length) bytes, at most \(limit) can stand here", nil)
    case .arrayTooLong(let count, let limit):
      return ("an array of \(count) elements, at most \(limit) can stand here", nil)
    case .unknownValueType(let code): return ("the type of a value is \(code), types 0 to 12 are known", nil)
    case .nestedTooDeep(let limit): return ("arrays in arrays, nested deeper than \(limit)", nil)
    case .emptyKey: return ("a metadata key is empty", nil)
    case .duplicateKey: return ("the metadata has this key twice", nil)
    case .alignmentType(let type): return ("the alignment is a value of type \(type), it must be uint32", nil)
    case .badAlignment(let alignment):
      return ("the alignment is \(alignment), it must be a power of two", nil)
    case .tooManyDimensions(let count, let limit):
      return ("the tensor has \(count) extents, at most \(limit) can be", nil)
    case .partialBlock(let row, let block):
      return ("its rows of \(row) elements are not whole blocks of \(block)", nil)
    case .misalignedOffset(let offset, let alignment):
      return ("its data begins at \(offset), which is no multiple of the alignment \(alignment)", nil)
    default: return splitReason(reason)
    }
  }

  private static func splitReason(_ reason: ModelFileError.Reason) -> (why: String, advice: String?) {
    func number(_ value: Int?) -> String { value.map(String.init) ?? "missing" }
    switch reason {
    case .splitName(let count):
      return (
        "it is one of \(count) files, but its name does not say which",
        "give the files their names back: NAME-00001-of-\(String(100000 + count).dropFirst()).gguf and so on"
      )
    case .splitCount(let expected, let found):
      return ("the file's count of parts is \(number(found)), expected was \(expected)", nil)
    case .splitNotFirst(let number, let first):
      return ("it is part \(number) of a split model", "name the first part, \(first)")
    case .splitNumber(let expected, let found):
      return ("the file's part number (from 0) is \(number(found)), expected was \(expected)", nil)
    case .splitTensorCount(let expected, let found):
      return ("all parts together have \(found) tensors, the first part says \(expected)", nil)
    default: return ("\(reason)", nil)
    }
  }
}
