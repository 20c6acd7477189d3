/// The front of a GGUF file, checked as a whole before anything uses it: version, metadata, tensors.
///
/// Layout: magic, version, two counts; metadata; tensor entries; padding; the tensors' data in the order of the entries,
/// each begun at a multiple of the alignment. All numbers are little-endian. `Formats/gguf.md` states every rule; the
/// reference is ggml-org/llama.cpp, `ggml/src/gguf.cpp`, and what it loads is accepted here.
public struct GGUFHeader: Sendable {
  /// Version of the format: 2 or 3, which differ in nothing for little-endian files.
  public let version: Int
  /// All entries, in file order.
  public let metadata: [GGUFField]
  /// Every tensor's data begins at a multiple of this, counted from `dataOffset`.
  public let alignment: Int
  /// Tensors in the order of their data.
  public let tensors: [TensorInfo]
  /// Where the data begins, from the start of the file.
  public let dataOffset: Int

  private let places: [String: Int]

  static let magic = Array("GGUF".utf8)
  static let alignmentKey = "general.alignment"
  static let defaultAlignment = 32
  /// Entries that a file may have: with them the tables in memory stay below 64 MiB. Real files have a few thousand tensors
  /// and some fifty keys.
  static let tensorLimit = 1 << 16
  static let keyLimit = 1 << 16
  /// Longest key that the format allows, and longest tensor name that ggml holds (`GGML_MAX_NAME` counts the final zero).
  static let keyLengthLimit = 65535
  static let nameLengthLimit = 63
  static let dimensionLimit = 4
  /// Fewest bytes that an entry can take: a name's length, a count of extents, type and offset; a key, type and value.
  private static let leastTensorByteCount = 24
  private static let leastFieldByteCount = 14

  /// Whether a file begins as a GGUF file does.
  static func isLikely(in file: OpenFile) throws(ModelFileError) -> Bool {
    guard try file.size() >= magic.count else { return false }
    return try file.read(magic.count, at: 0) == magic
  }

  /// The value of a key, if the file has it.
  public subscript(key: String) -> GGUFValue? { places[key].map { metadata[$0].value } }

  /// Reads and checks the front of an open file.
  public init(reading file: OpenFile) throws(ModelFileError) {
    let fileSize = try file.size()
    guard try Self.isLikely(in: file) else {
      let content = try FileContent(of: file)
      if fileSize >= 8, content == .safetensors || content.isForeign {
        throw ModelFileError(.otherContent(found: content, expected: .gguf), file: file.path)
      }
      throw ModelFileError(
        .notGGUF(found: try file.read(min(Self.magic.count, fileSize), at: 0)), file: file.path, byteOffset: 0
      )
    }
    var scanner = GGUFScanner(file, 0..<fileSize)
    try scanner.skip(Self.magic.count)
    version = try Self.version(&scanner)
    let tensorCount = try Self.count(&scanner, Self.tensorLimit, Self.leastTensorByteCount) {
      .tooManyTensors(count: $0, limit: $1)
    }
    let fieldCount = try Self.count(&scanner, Self.keyLimit, Self.leastFieldByteCount) {
      .tooManyKeys(count: $0, limit: $1)
    }
    (metadata, places) = try Self.fields(&scanner, fieldCount)
    alignment = try Self.alignment(of: metadata, places, scanner)
    (tensors, dataOffset) = try Self.tensors(&scanner, tensorCount, alignment: alignment, fileSize: fileSize)
  }

  private static func version(_ scanner: inout GGUFScanner) throws(ModelFileError) -> Int {
    let start = scanner.position
    let number = try scanner.number(UInt32.self)
    // As ggml does it: a small number read in the wrong order has its low half empty.
    guard number == 0 || number & 0xFFFF != 0 else {
      throw scanner.error(.bigEndian(version: number.byteSwapped), at: start)
    }
    guard number == 2 || number == 3 else { throw scanner.error(.unknownVersion(number), at: start) }
    return Int(number)
  }

  private static func count(
    _ scanner: inout GGUFScanner, _ limit: Int, _ leastByteCount: Int,
    _ refusal: (UInt64, Int) -> ModelFileError.Reason
  ) throws(ModelFileError) -> Int {
    let start = scanner.position
    let count = try scanner.number(UInt64.self)
    let bound = min(limit, scanner.rest / leastByteCount)
    guard count <= UInt64(bound) else { throw scanner.error(refusal(count, bound), at: start) }
    return Int(count)
  }

  private static func fields(
    _ scanner: inout GGUFScanner, _ count: Int
  ) throws(ModelFileError) -> ([GGUFField], [String: Int]) {
    var fields: [GGUFField] = []
    var places: [String: Int] = [:]
    for _ in 0..<count {
      let start = scanner.position
      let key = try scanner.name(limit: keyLengthLimit)
      guard !key.isEmpty else { throw scanner.error(.emptyKey, at: start) }
      scanner.key = key
      guard places.updateValue(fields.count, forKey: key) == nil else {
        throw scanner.error(.duplicateKey, at: start)
      }
      let type = try scanner.valueType()
      fields.append(GGUFField(key, try scanner.value(of: type)))
      scanner.key = nil
    }
    return (fields, places)
  }

  private static func alignment(
    of metadata: [GGUFField], _ places: [String: Int], _ scanner: GGUFScanner
  ) throws(ModelFileError) -> Int {
    guard let place = places[alignmentKey] else { return defaultAlignment }
    var scanner = scanner
    scanner.key = alignmentKey
    let value = metadata[place].value
    guard value.type == .uint32, let alignment = value.integer else {
      throw scanner.error(.alignmentType("\(value.type)"))
    }
    guard alignment.nonzeroBitCount == 1 else { throw scanner.error(.badAlignment(alignment)) }
    return alignment
  }

  /// Reads the entries and walks them in order: each tensor begins where the padding of the one before ends.
  private static func tensors(
    _ scanner: inout GGUFScanner, _ count: Int, alignment: Int, fileSize: Int
  ) throws(ModelFileError) -> ([TensorInfo], Int) {
    struct Entry {
      let position: Int
      let name: String
      let type: ElementType
      let shape: [Int]
      let byteCount: Int
      let offset: UInt64
    }
    var entries: [Entry] = []
    var names: Set<String> = []
    for _ in 0..<count {
      let start = scanner.position
      let name = try scanner.name(limit: nameLengthLimit)
      scanner.tensor = name
      guard names.insert(name).inserted else { throw scanner.error(.duplicateName, at: start) }
      let shape = try Self.shape(&scanner)
      let code = try scanner.number(UInt32.self)
      guard let type = ElementType(ggufCode: code) else {
        throw scanner.error(.unknownElementType(ElementType.name(ofGGUFCode: code)), at: start)
      }
      let byteCount: Int
      do throws(ModelFileError.Reason) { byteCount = try type.byteCount(shape: shape) } catch {
        throw scanner.error(error, at: start)
      }
      entries.append(
        Entry(
          position: start, name: name, type: type, shape: shape, byteCount: byteCount,
          offset: try scanner.number(UInt64.self)))
      scanner.tensor = nil
    }
    let dataOffset = (scanner.position + alignment - 1) / alignment * alignment
    var tensors: [TensorInfo] = []
    tensors.reserveCapacity(count)
    var expected = 0
    for entry in entries {
      scanner.tensor = entry.name
      func refuse(_ reason: ModelFileError.Reason) -> ModelFileError {
        scanner.error(reason, at: entry.position)
      }
      guard entry.offset % UInt64(alignment) == 0 else {
        throw refuse(.misalignedOffset(offset: entry.offset, alignment: alignment))
      }
      guard entry.offset >= expected else {
        throw refuse(.offsetOverlap(expected: expected, found: Int(entry.offset)))
      }
      guard entry.offset == expected else {
        throw refuse(.offsetGap(expected: expected, found: Int(clamping: entry.offset)))
      }
      // In this order nothing overflows: `expected` is the padded end of bytes that the file was seen to hold.
      let rest = fileSize - dataOffset - expected
      guard rest >= 0, entry.byteCount <= rest else {
        let (end, overflow) = (dataOffset + expected).addingReportingOverflow(entry.byteCount)
        throw refuse(.dataBeyondFile(expected: overflow ? .max : end, fileSize: fileSize))
      }
      let begin = dataOffset + expected
      tensors.append(
        TensorInfo(
          name: entry.name, elementType: entry.type, shape: entry.shape,
          byteRange: begin..<begin + entry.byteCount))
      expected += (entry.byteCount + alignment - 1) / alignment * alignment
    }
    return (tensors, dataOffset)
  }

  /// The extents, innermost first in the file and outermost first here.
  private static func shape(_ scanner: inout GGUFScanner) throws(ModelFileError) -> [Int] {
    let start = scanner.position
    let count = try scanner.number(UInt32.self)
    guard count <= dimensionLimit else {
      throw scanner.error(.tooManyDimensions(count: Int(count), limit: dimensionLimit), at: start)
    }
    var shape: [Int] = []
    for _ in 0..<count {
      let place = scanner.position
      guard let extent = Int(exactly: try scanner.number(UInt64.self)) else {
        throw scanner.error(.sizeOverflow, at: place)
      }
      shape.append(extent)
    }
    return shape.reversed()
  }
}
