internal import Floor

/// Writes a GGUF file in canonical form: same metadata and tensors, same bytes.
///
/// Version 3; metadata and tensors in the order given, which in this format means something; all padding is zero bytes,
/// and the last tensor is padded too. llama.cpp and the `gguf` package write the same bytes.
public enum GGUFWriter {
  /// Writes the file under its name, whole or not at all.
  ///
  /// - Parameter metadata: `general.alignment` in it, a power of two as UINT32, is obeyed; 32 without it.
  public static func write(_ tensors: [NewTensor], metadata: [GGUFField], to path: String) throws {
    var keys: Set<String> = []
    for field in metadata where field.key.isEmpty || !keys.insert(field.key).inserted {
      throw ModelFileError(field.key.isEmpty ? .emptyKey : .duplicateKey, file: path, key: field.key)
    }
    let alignment = try alignment(of: metadata, path)
    let (entries, offsets, dataByteCount) = try layOut(tensors, alignment: alignment, path)
    let front =
      GGUFHeader.magic + UInt32(3).littleEndianBytes + UInt64(tensors.count).littleEndianBytes
      + UInt64(metadata.count).littleEndianBytes

    let output = try AtomicFile(path)
    try output.file.write(front, at: 0)
    var end = front.count
    for field in metadata { end = try write(field, to: output.file, at: end) }
    try output.file.write(entries, at: end)
    end += entries.count
    // A file without tensors ends here, as the reference's does: there is no data to align.
    let dataOffset = tensors.isEmpty ? end : (end + alignment - 1) / alignment * alignment
    // What is reserved and not written reads as zero bytes: that is the padding.
    try output.file.reserve(dataOffset + dataByteCount)
    for (tensor, offset) in zip(tensors, offsets) { try tensor.write(output.file, dataOffset + offset) }
    try output.commit()
  }

  /// Writes a file with other metadata or with some tensors of another type; the data of all other tensors is copied by
  /// the kernel. The output may be the file itself.
  ///
  /// - Parameter replacing: new tensors by name; each takes the place of the old one.
  public static func rewrite(
    _ header: GGUFHeader, of file: OpenFile, metadata: [GGUFField]? = nil,
    replacing: [String: NewTensor] = [:],
    to path: String
  ) throws {
    for name in replacing.keys.sorted() where !header.tensors.contains(where: { $0.name == name }) {
      throw ModelFileError(.noSuchTensor, file: file.path, tensor: name)
    }
    let tensors = header.tensors.map { replacing[$0.name] ?? NewTensor(copying: $0, of: file) }
    try write(tensors, metadata: metadata ?? header.metadata, to: path)
  }

  private static func alignment(of metadata: [GGUFField], _ path: String) throws(ModelFileError) -> Int {
    guard let value = metadata.first(where: { $0.key == GGUFHeader.alignmentKey })?.value else {
      return GGUFHeader.defaultAlignment
    }
    let key = GGUFHeader.alignmentKey
    guard value.type == .uint32, let alignment = value.integer else {
      throw ModelFileError(.alignmentType("\(value.type)"), file: path, key: key)
    }
    guard alignment.nonzeroBitCount == 1 else {
      throw ModelFileError(.badAlignment(alignment), file: path, key: key)
    }
    return alignment
  }

  /// The tensor entries as bytes, where each tensor's data goes, and the length of all data.
  private static func layOut(
    _ tensors: [NewTensor], alignment: Int, _ path: String
  ) throws(ModelFileError) -> (entries: [UInt8], offsets: [Int], byteCount: Int) {
    var entries: [UInt8] = []
    var offsets: [Int] = []
    var names: Set<String> = []
    var end = 0
    for tensor in tensors {
      func refuse(_ reason: ModelFileError.Reason) -> ModelFileError {
        ModelFileError(reason, file: path, tensor: tensor.name)
      }
      let name = Array(tensor.name.utf8)
      guard names.insert(tensor.name).inserted else { throw refuse(.duplicateName) }
      guard name.count <= GGUFHeader.nameLengthLimit else {
        throw refuse(.stringTooLong(length: UInt64(name.count), limit: GGUFHeader.nameLengthLimit))
      }
      guard tensor.shape.count <= GGUFHeader.dimensionLimit else {
        throw refuse(.tooManyDimensions(count: tensor.shape.count, limit: GGUFHeader.dimensionLimit))
      }
      guard let code = tensor.elementType.ggufCode else {
        throw refuse(.unknownElementType(tensor.elementType.rawValue))
      }
      let byteCount: Int
      do throws(ModelFileError.Reason) {
        byteCount = try tensor.elementType.byteCount(shape: tensor.shape)
      } catch {
        throw refuse(error)
      }
      entries += UInt64(name.count).littleEndianBytes + name + UInt32(tensor.shape.count).littleEndianBytes
      for extent in tensor.shape.reversed() { entries += UInt64(extent).littleEndianBytes }
      entries += code.littleEndianBytes + UInt64(end).littleEndianBytes
      offsets.append(end)
      end += (byteCount + alignment - 1) / alignment * alignment
    }
    return (entries, offsets, end)
  }

  /// Writes one entry of the metadata; returns where it ends.
  private static func write(_ field: GGUFField, to file: OpenFile, at offset: Int) throws(ModelFileError)
    -> Int
  {
    let key = Array(field.key.utf8)
    let head = UInt64(key.count).littleEndianBytes + key + field.value.type.rawValue.littleEndianBytes
    try file.write(head, at: offset)
    switch field.value.content {
    case .memory(let bytes): try file.write(bytes, at: offset + head.count)
    case .file(let source, let range): try file.copy(range, of: source, to: offset + head.count)
    }
    return offset + head.count + field.value.byteCount
  }
}

extension NewTensor {
  /// A tensor of another file, as it is there.
  public init(copying tensor: TensorInfo, of file: OpenFile) {
    self.init(name: tensor.name, elementType: tensor.elementType, shape: tensor.shape) { output, offset in
      try output.copy(tensor.byteRange, of: file, to: offset)
    }
  }
}
