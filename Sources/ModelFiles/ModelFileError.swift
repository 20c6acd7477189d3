/// What is wrong with a file of weights, statistics, keys or text: where, and why with the numbers that disagree.
///
/// The module never writes prose; the command turns a reason into text.
public struct ModelFileError: Error, Equatable, Sendable {
  /// Path of the file, as the caller named it.
  public var file: String
  /// Name of the tensor concerned, if one is.
  public var tensor: String?
  /// Key of the metadata value concerned, if one is.
  public var key: String?
  /// Position of the first bad byte, from the start of the file.
  public var byteOffset: Int?
  /// The same place as editors count, where the file is a text.
  public var position: TextPlace?
  /// What was found.
  public var reason: Reason
  /// Names the file has that come near to the one it does not have.
  public var near: [String]

  /// Joins a reason with its place.
  public init(
    _ reason: Reason, file: String, tensor: String? = nil, key: String? = nil, byteOffset: Int? = nil,
    near: [String] = []
  ) {
    self.file = file
    self.tensor = tensor
    self.key = key
    self.byteOffset = byteOffset
    self.reason = reason
    self.near = near
  }

  /// Joins a reason with its place in a text.
  public init(_ reason: Reason, file: String, position: TextPlace) {
    self.init(reason, file: file, byteOffset: position.byteOffset)
    self.position = position
  }

  /// What can stand under a name and is no ordinary file.
  public enum FileKind: String, Sendable {
    case folder
    case device
    case pipe
    case socket
  }

  /// One case for each way a file is refused. A vector in `Formats/vectors` carries the case's name.
  public enum Reason: Error, Equatable, Sendable {
    // The operating system
    /// A system call failed with this error number.
    case system(call: String, code: Int32)
    /// The file became shorter while it was read.
    case unexpectedEnd(expected: Int, found: Int)
    /// The file became shorter while it was mapped.
    case cutWhileMapped
    /// Another run holds the file.
    case locked
    /// The path is a symbolic link, which an in-place run does not follow.
    case symbolicLink(destination: String)
    /// Another run writes the same output.
    case beingWritten
    /// The file has several names, and an in-place run would change it under all of them.
    case hardLinked(count: Int)
    /// The file belongs to the Hugging Face hub's cache, which names files by what is in them.
    case inHubCache
    /// The output's name is a symbolic link.
    case outputIsLink(destination: String)
    /// Something else than an ordinary file has the output's name.
    case notOrdinary(FileKind)
    /// What is to be read has no places: a pipe, a device.
    case notReadAtPlaces(FileKind)

    // safetensors header
    /// Fewer than the eight bytes of the header length.
    case headerTooShort(fileSize: Int)
    /// The header length is above the format's limit.
    case headerTooLarge(length: UInt64, limit: Int)
    /// The header ends after the file.
    case headerBeyondFile(length: Int, fileSize: Int)
    /// The header does not begin with `{`.
    case headerStart(found: UInt8)
    /// The header is not UTF-8.
    case headerEncoding
    /// The header is not JSON of the expected form.
    case headerSyntax(JSONError.Problem)
    /// Two entries of one name.
    case duplicateName
    /// The element type is not one of the format's.
    case unknownElementType(String)
    /// A field of the entry is missing.
    case missingField(String)
    /// The product of the shape does not fit.
    case sizeOverflow
    /// A sub-byte tensor does not fill its last byte.
    case partialByte(bits: Int)
    /// Shape times element size is not the length of the data.
    case sizeMismatch(expected: Int, found: Int)
    /// The data ends before it begins.
    case reversedOffsets(begin: Int, end: Int)
    /// Bytes between two tensors belong to neither.
    case offsetGap(expected: Int, found: Int)
    /// Two tensors share bytes.
    case offsetOverlap(expected: Int, found: Int)
    /// The file ends before the last tensor does.
    case dataBeyondFile(expected: Int, fileSize: Int)
    /// Bytes follow the last tensor.
    case trailingBytes(expected: Int, fileSize: Int)

    // Sharded models and folders
    /// The index names a file that is not a plain name in its own folder.
    case shardOutsideFolder(String)
    /// The shard that the index names does not hold the tensor.
    case tensorMissingFromShard(String)
    /// The index names no tensors.
    case emptyIndex
    /// No model file in the folder.
    case noModelInFolder(FolderContent)
    /// Several model files and no index.
    case severalModelsInFolder([String])
    /// Shards of one model without the index that joins them.
    case indexMissing([String])
    /// Not a format this version reads.
    case unknownFormat

    // Asking a file for something
    /// The tensor is not in the file.
    case noSuchTensor
    /// The tensor has another shape than the use needs.
    case shapeMismatch(expected: [Int], found: [Int])
    /// The tensor has another element type than the use needs.
    case elementTypeMismatch(expected: [ElementType], found: ElementType)
    /// A value that must be finite is not.
    case notFinite(index: Int)

    // GGUF
    /// The file does not begin as a GGUF file does.
    case notGGUF(found: [UInt8])
    /// The file's numbers stand in the other byte order; the version as it reads there.
    case bigEndian(version: UInt32)
    /// The version is not one that this reader knows.
    case unknownVersion(UInt32)
    /// The file ends inside its header.
    case headerCut(expected: Int, found: Int)
    /// More tensors than the format's reader or the rest of the file has room for.
    case tooManyTensors(count: UInt64, limit: Int)
    /// More metadata keys than the format's reader or the rest of the file has room for.
    case tooManyKeys(count: UInt64, limit: Int)
    /// A string, key or name longer than allowed or than the rest of the file.
    case stringTooLong(length: UInt64, limit: Int)
    /// An array with more elements than allowed or than the rest of the file can hold.
    case arrayTooLong(count: UInt64, limit: Int)
    /// The type of a metadata value is not one of the format's.
    case unknownValueType(UInt32)
    /// Arrays nested deeper than this reader follows.
    case nestedTooDeep(limit: Int)
    /// A metadata key without characters.
    case emptyKey
    /// Two metadata entries of one key.
    case duplicateKey
    /// The alignment is not given as UINT32.
    case alignmentType(String)
    /// The alignment is not a power of two.
    case badAlignment(Int)
    /// More extents than ggml has.
    case tooManyDimensions(count: Int, limit: Int)
    /// Rows that are not whole blocks of their element type.
    case partialBlock(rowLength: Int, blockLength: Int)
    /// The data of a tensor does not begin at a multiple of the alignment.
    case misalignedOffset(offset: UInt64, alignment: Int)
    /// One file of several whose name does not say which.
    case splitName(count: Int)
    /// The count of parts differs: in the name, in the file, or among the parts.
    case splitCount(expected: Int, found: Int?)
    /// A part that is not the first; a model is opened at its first.
    case splitNotFirst(number: Int, first: String)
    /// A part with another number than its name says.
    case splitNumber(expected: Int, found: Int?)
    /// The parts together have another number of tensors than the first says.
    case splitTensorCount(expected: Int, found: Int)

    // Files that are not what they were taken for
    /// The file is something else than was expected.
    case otherContent(found: FileContent, expected: FileUse)
    /// The file is larger than what is read into memory.
    case fileTooLarge(byteCount: Int, limit: Int)
    /// The index names this shard, and it is not there.
    case shardMissing(index: String)
    /// The path is a symbolic link that leads nowhere.
    case danglingLink(destination: String)
  }

  /// What a file was to be.
  public enum FileUse: String, Sendable {
    case model, safetensors, gguf, patch, statistics, keys, values, json, text, archive
  }
}
