internal import Floor

/// The header of a safetensors file, checked as a whole before anything uses it.
///
/// Layout: eight bytes of length N, little-endian; N bytes of JSON; the tensors' data without holes to the end of the
/// file. `Formats/safetensors.md` states every rule; the reference is huggingface/safetensors,
/// `safetensors/src/tensor.rs`.
public struct SafetensorsHeader: Equatable, Sendable {
  /// Tensors in the order of their data.
  public let tensors: [TensorInfo]
  /// The `__metadata__` strings, in file order.
  public let metadata: [(key: String, value: String)]
  /// Where the data begins, from the start of the file.
  public let dataOffset: Int

  /// Longest header the reference accepts.
  public static let lengthLimit = 100_000_000

  /// Whether two headers say the same.
  public static func == (a: Self, b: Self) -> Bool {
    a.tensors == b.tensors && a.dataOffset == b.dataOffset && a.metadata.map(\.key) == b.metadata.map(\.key)
      && a.metadata.map(\.value) == b.metadata.map(\.value)
  }

  /// Reads and checks the header of an open file.
  public init(reading file: OpenFile) throws(ModelFileError) {
    let fileSize = try file.size()
    func refuse(_ reason: ModelFileError.Reason, tensor: String? = nil, at offset: Int) -> ModelFileError {
      ModelFileError(reason, file: file.path, tensor: tensor, byteOffset: offset)
    }
    guard fileSize >= 8 else { throw refuse(.headerTooShort(fileSize: fileSize), at: fileSize) }
    let length = try file.read(8, at: 0).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Self.lengthLimit) else {
      try Self.refuseForeign(file)
      throw refuse(.headerTooLarge(length: length, limit: Self.lengthLimit), at: 0)
    }
    let count = Int(length)
    guard count <= fileSize - 8 else {
      try Self.refuseForeign(file)
      throw refuse(.headerBeyondFile(length: count, fileSize: fileSize), at: 0)
    }
    let bytes = try file.read(count, at: 8)
    guard bytes.first == UInt8(ascii: "{") else {
      try Self.refuseForeign(file)
      throw refuse(.headerStart(found: bytes.first ?? 0), at: 8)
    }
    if let invalid = bytes.firstInvalidUTF8 { throw refuse(.headerEncoding, at: 8 + invalid) }

    let entries: [SafetensorsEntry]
    var current: String?
    do throws(JSONError) {
      (entries, metadata) = try SafetensorsEntry.list(parsing: bytes, current: &current)
    } catch {
      if case .duplicateKey(let name) = error.problem, current == nil {
        throw refuse(.duplicateName, tensor: name, at: 8 + error.byteOffset)
      }
      throw refuse(.headerSyntax(error.problem), tensor: current, at: 8 + error.byteOffset)
    }
    dataOffset = 8 + count
    tensors = try Self.checked(entries, file: file.path, fileSize: fileSize, dataOffset: 8 + count)
  }

  /// Names what a file that begins wrongly is instead, where that is known.
  private static func refuseForeign(_ file: OpenFile) throws(ModelFileError) {
    let content = try FileContent(of: file)
    guard content == .gguf || content.isForeign else { return }
    throw ModelFileError(.otherContent(found: content, expected: .safetensors), file: file.path)
  }

  /// Whether a file begins with a possible header length and `{`.
  static func isLikely(in file: OpenFile) throws(ModelFileError) -> Bool {
    guard try file.size() > 8 else { return false }
    let front = try file.read(9, at: 0)
    let length = front[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return length <= UInt64(lengthLimit) && front[8] == UInt8(ascii: "{")
  }

  /// Walks the entries in data order: each begins where the one before ended, and the last ends the file.
  private static func checked(
    _ entries: [SafetensorsEntry], file: String, fileSize: Int, dataOffset: Int
  ) throws(ModelFileError) -> [TensorInfo] {
    var tensors: [TensorInfo] = []
    tensors.reserveCapacity(entries.count)
    var end = 0
    for entry in entries.sorted(by: {
      ($0.begin ?? 0, $0.end ?? 0, $0.name) < ($1.begin ?? 0, $1.end ?? 0, $1.name)
    }) {
      func refuse(_ reason: ModelFileError.Reason) -> ModelFileError {
        ModelFileError(reason, file: file, tensor: entry.name, byteOffset: 8 + entry.headerOffset)
      }
      guard let typeName = entry.elementType else { throw refuse(.missingField("dtype")) }
      guard let elementType = ElementType(rawValue: typeName), elementType.isInSafetensors else {
        throw refuse(.unknownElementType(typeName))
      }
      guard let shape = entry.shape else { throw refuse(.missingField("shape")) }
      guard let begin = entry.begin, let stop = entry.end else { throw refuse(.missingField("data_offsets")) }
      guard begin <= stop else { throw refuse(.reversedOffsets(begin: begin, end: stop)) }
      guard begin <= end else { throw refuse(.offsetGap(expected: end, found: begin)) }
      guard begin == end else { throw refuse(.offsetOverlap(expected: end, found: begin)) }
      let size: Int
      do throws(ModelFileError.Reason) { size = try elementType.byteCount(shape: shape) } catch {
        throw refuse(error)
      }
      guard size == stop - begin else { throw refuse(.sizeMismatch(expected: size, found: stop - begin)) }
      guard stop <= fileSize - dataOffset else {
        throw refuse(.dataBeyondFile(expected: stop, fileSize: fileSize - dataOffset))
      }
      end = stop
      tensors.append(
        TensorInfo(
          name: entry.name, elementType: elementType, shape: shape,
          byteRange: dataOffset + begin..<dataOffset + stop))
    }
    guard end == fileSize - dataOffset else {
      throw ModelFileError(
        .trailingBytes(expected: end, fileSize: fileSize - dataOffset), file: file,
        byteOffset: dataOffset + end)
    }
    return tensors
  }
}

/// One entry as written, before any of its numbers is believed.
struct SafetensorsEntry {
  let name: String
  let headerOffset: Int
  var elementType: String?
  var shape: [Int]?
  var begin: Int?
  var end: Int?

  typealias Metadata = [(key: String, value: String)]

  /// Reads all entries and the metadata; fields that this version does not know are passed over.
  ///
  /// - Parameter current: the entry that is being read, so that an error can name it.
  static func list(
    parsing bytes: [UInt8], current: inout String?
  ) throws(JSONError) -> ([SafetensorsEntry], Metadata) {
    var entries: [SafetensorsEntry] = []
    var metadata: Metadata = []
    var reader = JSONReader(bytes[...])
    try reader.object(asNames: true) { reader, name, offset throws(JSONError) in
      current = name
      if name == "__metadata__" {
        try reader.object { reader, key, _ throws(JSONError) in metadata.append((key, try reader.string())) }
        current = nil
        return
      }
      var entry = SafetensorsEntry(name: name, headerOffset: offset)
      try reader.object { reader, field, _ throws(JSONError) in
        switch field {
        case "dtype": entry.elementType = try reader.string()
        case "shape":
          var shape: [Int] = []
          try reader.array { reader throws(JSONError) in shape.append(try reader.count()) }
          entry.shape = shape
        case "data_offsets":
          var offsets: [Int] = []
          try reader.array { reader throws(JSONError) in
            guard offsets.count < 2 else {
              _ = try reader.peek()
              throw reader.unexpected("']'")
            }
            offsets.append(try reader.count())
          }
          if offsets.count == 2 { (entry.begin, entry.end) = (offsets[0], offsets[1]) }
        default: try reader.skip()
        }
      }
      entries.append(entry)
      current = nil
    }
    try reader.finish()
    return (entries, metadata)
  }
}
