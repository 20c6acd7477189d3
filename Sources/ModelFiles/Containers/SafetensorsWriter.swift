/// A tensor to be written: what it is called and what it holds.
public struct NewTensor {
  /// Full name.
  public let name: String
  /// Stored number kind.
  public let elementType: ElementType
  /// Extents, outermost first.
  public let shape: [Int]
  /// Writes the data at this offset of the file.
  let write: (OpenFile, Int) throws -> Void

  /// A tensor whose bytes are given by a function, so that no whole copy is needed.
  public init(
    name: String, elementType: ElementType, shape: [Int], write: @escaping (OpenFile, Int) throws -> Void
  ) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.write = write
  }

  /// A tensor whose bytes are at hand.
  public init<Scalar: BitwiseCopyable>(
    name: String, elementType: ElementType, shape: [Int], elements: [Scalar]
  ) {
    self.init(name: name, elementType: elementType, shape: shape) { file, offset in
      try elements.withUnsafeBytes { try file.write($0, at: offset) }
    }
  }
}

/// Writes a safetensors file in canonical form: same tensors and metadata, same bytes.
///
/// As the reference does, tensors stand by element type, the last of `ElementType` first, then by the bytes of their
/// names, and the header is padded with spaces to a multiple of eight, so that data lies aligned. Metadata keys are
/// sorted too; the reference leaves them in the order of a hash table.
public enum SafetensorsWriter {
  /// Writes the file under its name, whole or not at all.
  ///
  /// - Parameters:
  ///   - name: the name in messages, where `path` is in a folder that is temporary itself.
  ///   - check: looks at the whole file before it gets its name; what it throws keeps the name from it.
  public static func write(
    _ tensors: [NewTensor], metadata: [(key: String, value: String)] = [], to path: String,
    shownAs name: String? = nil, check: (_ temporaryPath: String) throws -> Void = { _ in }
  ) throws {
    let rank = Dictionary(uniqueKeysWithValues: zip(ElementType.allCases, 0...))
    let ordered = tensors.sorted { a, b in
      a.elementType == b.elementType
        ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
        : rank[a.elementType, default: 0] > rank[b.elementType, default: 0]
    }
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(
        JSONValue.Member("__metadata__", .object(sorted.map { .init($0.key, .string($0.value)) })))
    }
    var offsets: [Int] = []
    var end = 0
    for tensor in ordered {
      guard tensor.elementType.isInSafetensors else {
        throw ModelFileError(
          .unknownElementType(tensor.elementType.rawValue), file: path, tensor: tensor.name)
      }
      let byteCount: Int
      do { byteCount = try tensor.elementType.byteCount(shape: tensor.shape) } catch {
        throw ModelFileError(error, file: path, tensor: tensor.name)
      }
      offsets.append(end)
      members.append(
        JSONValue.Member(
          tensor.name,
          [
            "dtype": .string(tensor.elementType.rawValue),
            "shape": .array(tensor.shape.map { .integer($0) }),
            "data_offsets": [.integer(end), .integer(end + byteCount)],
          ]))
      end += byteCount
    }
    var header = Array(JSONValue.object(members).compactText.utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }

    let output = try AtomicFile(path, shownAs: name)
    try output.file.reserve(8 + header.count + end)
    try output.file.write(length + header, at: 0)
    for (tensor, offset) in zip(ordered, offsets) { try tensor.write(output.file, 8 + header.count + offset) }
    try check(output.temporaryPath)
    try output.commit()
  }
}
