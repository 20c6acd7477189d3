import Glibc
import ModelFiles

extension ErrorReport {
  static func explain(_ error: ModelFileError) -> Explanation {
    var place = error.file
    if let tensor = error.tensor { place += ", tensor \(tensor)" }
    if let key = error.key { place += ", key \(key)" }
    if let offset = error.byteOffset { place += ", byte \(offset)" }
    let (why, advice) = reason(error.reason)
    return Explanation(caseName(error.reason), place: place, why: why, advice: advice)
  }

  private static func reason(_ reason: ModelFileError.Reason) -> (why: String, advice: String?) {
    switch reason {
    case .system(let call, let code):
      return (systemReason(code, call), systemAdvice(code))
    case .unexpectedEnd(let expected, let found):
      return (
        "the file ended at byte \(found) while byte \(expected) was still wanted; somebody cut it short", nil
      )
    case .locked:
      return ("another errata run is changing or reading this file", "wait for it to end")
    case .symbolicLink(let destination):
      return (
        "it is a symbolic link to \(destination); changing what it leads to could change other models too",
        "name the real file, or write a new model with -o"
      )
    case .headerTooShort(let fileSize):
      return ("a safetensors file begins with 8 bytes of header length, this file has \(fileSize)", nil)
    case .headerTooLarge(let length, let limit):
      return ("the header claims \(length) bytes, the format allows \(limit)", notThisFormat)
    case .headerBeyondFile(let length, let fileSize):
      return ("the header claims \(length) bytes, the file has \(fileSize)", notThisFormat)
    case .headerStart(let found):
      return (
        "the header begins with byte \(found), a safetensors header begins with '{' (123)", notThisFormat
      )
    case .headerEncoding: return ("the header is not UTF-8", nil)
    case .headerSyntax(let problem): return ("the header is not the JSON expected: \(json(problem))", nil)
    case .duplicateName: return ("the header has two entries of this name", nil)
    case .unknownElementType(let name): return ("element type \(name) is not one of the format's", nil)
    case .missingField(let field): return ("the entry has no \(field)", nil)
    case .sizeOverflow: return ("the product of its shape is beyond 64 bits", nil)
    case .partialByte(let bits): return ("its \(bits) bits do not fill whole bytes", nil)
    case .sizeMismatch(let expected, let found):
      return ("shape and element type ask for \(expected) bytes, its data has \(found)", nil)
    case .reversedOffsets(let begin, let end): return ("its data begins at \(begin) and ends at \(end)", nil)
    case .offsetGap(let expected, let found):
      return (
        "its data begins at \(found), the data before ends at \(expected): bytes between belong to no tensor",
        nil
      )
    case .offsetOverlap(let expected, let found):
      return ("its data begins at \(found), inside the data before, which ends at \(expected)", nil)
    case .dataBeyondFile(let expected, let fileSize):
      return (
        "its data ends at \(expected), the file's data at \(fileSize)",
        "download the file again: it is cut short"
      )
    case .trailingBytes(let expected, let fileSize):
      return ("the tensors end at \(expected), the file's data at \(fileSize)", nil)
    case .shardOutsideFolder(let name):
      return ("the index names the file \(name), which is not a plain name in its own folder", nil)
    case .tensorMissingFromShard(let name):
      return ("the index places it in \(name), which does not hold it", nil)
    case .emptyIndex: return ("the index places no tensors", nil)
    case .noModelInFolder: return ("the folder holds no .safetensors and no .gguf file", nil)
    case .severalModelsInFolder(let names):
      return (
        "the folder holds \(names.count) model files (\(names.prefix(3).joined(separator: ", "))…) and no index",
        "name the file"
      )
    case .unknownFormat:
      return ("it is not a .safetensors or .gguf file, an index of such files, or a folder", nil)
    case .noSuchTensor: return ("the file has no such tensor", "look at the names with `errata show`")
    case .shapeMismatch(let expected, let found):
      let wanted = expected.map { $0 < 0 ? "any" : String($0) }.joined(separator: " × ")
      return ("its shape is \(Numbers.shape(found)), needed is \(wanted)", nil)
    case .elementTypeMismatch(let expected, let found):
      return (
        "its element type is \(found.rawValue), needed is \(expected.map(\.rawValue).joined(separator: " or "))",
        nil
      )
    case .notFinite(let index): return ("element \(index) is not a finite number", nil)
    case .notGGUF, .bigEndian, .unknownVersion, .headerCut, .tooManyTensors, .tooManyKeys, .stringTooLong,
      .arrayTooLong, .unknownValueType, .nestedTooDeep, .emptyKey, .duplicateKey, .alignmentType,
      .badAlignment,
      .tooManyDimensions, .partialBlock, .misalignedOffset, .splitName, .splitCount, .splitNotFirst,
      .splitNumber,
      .splitTensorCount:
      return ggufReason(reason)
    }
  }

  private static let notThisFormat = "check that it is a safetensors file: other formats fail here"

  private static func systemReason(_ code: Int32, _ call: String) -> String {
    switch code {
    case ENOENT: "there is no such file or folder"
    case ENOTDIR: "it is not a folder"
    case EACCES, EPERM: "permission denied"
    case EROFS: "the file system is read-only"
    case ENOSPC, EDQUOT: "the disk is full"
    case EISDIR: "it is a folder"
    default: "\(call): \(String(cString: strerror(code)))"
    }
  }

  private static func systemAdvice(_ code: Int32) -> String? {
    switch code {
    case ENOSPC, EDQUOT: "make room, or write to another disk with -o"
    case EACCES, EPERM, EROFS: "write a new model where you may, with -o"
    default: nil
    }
  }

  static func json(_ problem: JSONError.Problem) -> String {
    switch problem {
    case .unexpectedEnd: "it ends inside a value"
    case .unexpected(let byte, let expected): "byte \(byte) where \(expected) was expected"
    case .badEscape: "a string escape that JSON does not have"
    case .controlCharacter(let byte): "control character \(byte) inside a string"
    case .badNumber: "a number that is malformed or out of range"
    case .duplicateKey(let key): "the key \"\(key)\" twice in one object"
    case .tooDeep(let limit): "nested deeper than \(limit)"
    case .tooManyValues(let limit): "more than \(limit) values"
    case .trailingBytes: "bytes after the end"
    }
  }
}
