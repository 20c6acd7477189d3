import ModelFiles

/// Why a file was refused, one sentence for each reason.
extension ErrorReport {
  private static let notThisFormat = "check that it is a safetensors file: other formats fail here"

  static func reason(
    _ reason: ModelFileError.Reason, file: String, isText: Bool
  ) -> (why: String, advice: String?) {
    func number(_ value: Int?) -> String { value.map(String.init) ?? "missing" }
    switch reason {
    case .system(let call, let code):
      return (systemReason(code, call), systemAdvice(code, file))
    case .unexpectedEnd(let expected, let found):
      return (
        "the file ended at byte \(found) while byte \(expected) was still wanted; somebody cut it short", nil
      )
    case .locked:
      return ("another errata run is changing or reading this file", "wait for it to end")
    case .cutWhileMapped, .beingWritten, .hardLinked, .inHubCache, .outputIsLink, .notOrdinary,
      .notReadAtPlaces:
      return standingReason(reason)
    case .symbolicLink(let destination):
      return (
        "it is a symbolic link to \(Quote.plain(destination)); changing what it leads to could change other models too",
        "name the real file, or write a new model with -o"
      )
    case .headerTooShort(0): return ("it is empty", "download it again: nothing arrived")
    case .headerTooShort(let fileSize):
      return ("a safetensors file begins with 8 bytes of header length, this file has \(fileSize)", nil)
    case .headerTooLarge(let length, let limit):
      return ("the header claims \(length) bytes, the format allows \(limit)", notThisFormat)
    case .headerBeyondFile(let length, let fileSize):
      return (
        "the header claims \(length) bytes, the file has \(fileSize)",
        "download it again if it is cut short, or check that it is a safetensors file"
      )
    case .headerStart(let found):
      return (
        "the header begins with byte \(found), a safetensors header begins with '{' (123)", notThisFormat
      )
    case .headerEncoding:
      return isText ? ("it is not UTF-8 here", "save it as UTF-8") : ("the header is not UTF-8", nil)
    case .headerSyntax(let problem):
      let isYAML = file.hasSuffix(".yaml") || file.hasSuffix(".yml")
      return (
        "\(isText ? "it" : "the header") is not the JSON expected: \(json(problem))",
        isYAML ? publishedRecipe : nil
      )
    case .duplicateName: return ("the header has two entries of this name", nil)
    case .unknownElementType(let name):
      return ("element type \(Quote.plain(name)) is not one of the format's", nil)
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
      return (
        "the index names the file \(Quote.plain(name)), which is not a plain name in its own folder", nil
      )
    case .tensorMissingFromShard(let name):
      return ("the index places it in \(Quote.plain(name)), which does not hold it", nil)
    case .emptyIndex: return ("the index places no tensors", nil)
    case .noModelInFolder(let found): return words(found)
    case .severalModelsInFolder(let names):
      return (
        "the folder holds \(names.count) model files (\(Quote.list(names))) and no index",
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
    case .otherContent(let found, let expected): return words(found, expected: expected, file: file)
    case .fileTooLarge(let size, let limit):
      return ("it has \(Numbers.bytes(size)), files of up to \(Numbers.bytes(limit)) are read here", nil)
    case .shardMissing(let index):
      return (
        "\(Folder.name(of: index)) names this file, and it is not there",
        "the download is not complete: get it too"
      )
    case .danglingLink(let destination):
      return (
        "it is a symbolic link to \(Quote.plain(destination)), which is not there",
        "the download is not complete, or the link was copied without its file: download it again"
      )
    case .indexMissing(let names):
      return (
        "it holds \(Numbers.count(names.count, "shard")) of a model (\(Quote.list(names))), and model.safetensors.index.json is missing",
        "download the index too; a shard alone is a part of a model"
      )
    }
  }
}
