/// What is wrong with a model, statistics or keys file: where, and why with the numbers that disagree.
///
/// The module never writes prose; the command turns a reason into text.
public struct ModelFileError: Error, Equatable, Sendable {
  /// Path of the file, as the caller named it.
  public var file: String
  /// Name of the tensor concerned, if one is.
  public var tensor: String?
  /// Position of the first bad byte, from the start of the file.
  public var byteOffset: Int?
  /// What was found.
  public var reason: Reason

  /// Joins a reason with its place.
  public init(_ reason: Reason, file: String, tensor: String? = nil, byteOffset: Int? = nil) {
    self.file = file
    self.tensor = tensor
    self.byteOffset = byteOffset
    self.reason = reason
  }

  /// One case for each way a file is refused. A vector in `Formats/vectors` carries the case's name.
  public enum Reason: Error, Equatable, Sendable {
    // The operating system
    /// A system call failed with this error number.
    case system(call: String, code: Int32)
    /// The file became shorter while it was read.
    case unexpectedEnd(expected: Int, found: Int)
    /// Another run holds the file.
    case locked
    /// The path is a symbolic link, which an in-place run does not follow.
    case symbolicLink(destination: String)

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
    case noModelInFolder
    /// Several model files and no index.
    case severalModelsInFolder([String])
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
  }
}
