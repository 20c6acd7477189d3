internal import ModelFiles

/// A `.npz` file of stored arrays: what `numpy.savez` writes.
///
/// ROME and MEMIT keep second moments so: a zip archive with entries STORED and zip64 sizes, each a NumPy array file.
/// Sizes are read from the central directory (PKWARE APPNOTE 6.3.10, sections 4.3.12–4.3.16 and 4.5.3); array headers
/// follow NumPy's `lib/format.py`, versions 1 to 3.
struct NumPyArchive {
  /// One array: what it holds and where its elements lie.
  struct StoredArray {
    let name: String
    let elementType: String
    let shape: [Int]
    /// Where the array's own header stands.
    let headerOffset: Int
    let byteRange: Range<Int>
  }

  let file: OpenFile
  private(set) var arrays: [StoredArray] = []

  private static let directoryLimit = 1 << 24

  init(_ path: String) throws {
    file = try OpenFile(path, .reading)
    let size = try file.size()
    switch try FileContent(of: file) {
    case .numPyArchive, .zip, .torch, .text, .json, .unknown, .empty, .zeros: break
    case let other: throw ModelFileError(.otherContent(found: other, expected: .archive), file: path)
    }
    let (start, length, count) = try directory(fileSize: size)
    guard length <= Self.directoryLimit, start <= size, length <= size - start else {
      throw bad(start, "the central directory lies beyond the file")
    }
    let bytes = Bytes(try file.read(length, at: start))
    var position = 0
    for _ in 0..<count {
      let entry = try Entry(bytes, at: position, file: file.path, directoryOffset: start)
      arrays.append(try array(entry, fileSize: size))
      position = entry.end
    }
  }

  private func bad(_ offset: Int, _ detail: String) -> StatisticsError {
    .badArchive(file: file.path, byteOffset: offset, detail: detail)
  }

  /// Finds the end record, which an archive comment of up to 65 535 bytes may follow.
  private func directory(fileSize: Int) throws -> (start: Int, length: Int, count: Int) {
    let tailStart = max(0, fileSize - 22 - 65_535 - 20)
    let tail = Bytes(try file.read(fileSize - tailStart, at: tailStart))
    var end = tail.storage.count - 22
    while end >= 0,
      tail.number(end, 4) != 0x0605_4B50 || tail.number(end + 20, 2) != tail.storage.count - end - 22
    { end -= 1 }
    guard end >= 0 else { throw bad(fileSize, "no end record: not a zip archive, or cut short") }
    var count = tail.number(end + 10, 2)
    var length = tail.number(end + 12, 4)
    var start = tail.number(end + 16, 4)
    if end >= 20, tail.number(end - 20, 4) == 0x0706_4B50 {
      let record = tail.number(end - 12, 8)
      guard record >= 0, record <= fileSize - 56 else {
        throw bad(tailStart + end - 20, "the zip64 end record lies beyond the file")
      }
      let bytes = Bytes(try file.read(56, at: record))
      guard bytes.number(0, 4) == 0x0606_4B50 else {
        throw bad(record, "no zip64 end record where one is named")
      }
      (count, length, start) = (bytes.number(32, 8), bytes.number(40, 8), bytes.number(48, 8))
    }
    guard start >= 0, length >= 0, count >= 0, count <= 4096 else {
      throw bad(tailStart + end, "the end record's numbers are out of range")
    }
    return (start, length, count)
  }

  private func array(_ entry: Entry, fileSize: Int) throws -> StoredArray {
    let name = entry.name
    guard entry.headerOffset >= 0, entry.headerOffset <= fileSize - 30 else {
      throw bad(entry.byteOffset, "\(name) lies beyond the file")
    }
    let local = Bytes(try file.read(30, at: entry.headerOffset))
    guard local.number(0, 4) == 0x0403_4B50 else {
      throw bad(entry.headerOffset, "\(name) has no local header")
    }
    let start = entry.headerOffset + 30 + local.number(26, 2) + local.number(28, 2)
    guard entry.dataLength >= 0, start <= fileSize, entry.dataLength <= fileSize - start else {
      throw bad(entry.byteOffset, "\(name) lies beyond the file")
    }
    guard entry.dataLength >= 12 else { throw bad(start, "\(name) is not a NumPy array") }
    let front = Bytes(try file.read(12, at: start))
    guard front.storage.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(front.storage[6])
    else {
      throw bad(start, "\(name) is not a NumPy array")
    }
    let isLong = front.storage[6] > 1
    let textStart = isLong ? 12 : 10
    let textLength = front.number(8, isLong ? 4 : 2)
    guard textLength <= 65_536, textStart + textLength <= entry.dataLength else {
      throw bad(start, "\(name) has a header beyond its end")
    }
    let text = String(decoding: try file.read(textLength, at: start + textStart), as: UTF8.self)
    guard let header = NumPyHeader(text) else {
      throw bad(start + textStart, "\(name) has a header we cannot read: \(text.prefix(200))")
    }
    return StoredArray(
      name: name.hasSuffix(".npy") ? String(name.dropLast(4)) : name, elementType: header.elementType,
      shape: header.shape, headerOffset: start + textStart,
      byteRange: start + textStart + textLength..<start + entry.dataLength)
  }
}

/// One entry of the central directory: a stored file and where it lies.
private struct Entry {
  let name: String
  /// Where the entry itself stands in the file.
  let byteOffset: Int
  /// Length of the stored bytes; −1 when it does not fit.
  private(set) var dataLength: Int
  /// Where the local header stands; −1 when it does not fit.
  private(set) var headerOffset: Int
  /// Where the next entry begins in the directory.
  let end: Int

  init(_ bytes: Bytes, at position: Int, file: String, directoryOffset: Int) throws(StatisticsError) {
    byteOffset = directoryOffset + position
    func bad(_ offset: Int, _ detail: String) -> StatisticsError {
      .badArchive(file: file, byteOffset: directoryOffset + offset, detail: detail)
    }
    guard position + 46 <= bytes.storage.count, bytes.number(position, 4) == 0x0201_4B50 else {
      throw bad(position, "an entry of the central directory is cut short")
    }
    let nameEnd = position + 46 + bytes.number(position + 28, 2)
    let extraEnd = nameEnd + bytes.number(position + 30, 2)
    end = extraEnd + bytes.number(position + 32, 2)
    guard end <= bytes.storage.count else {
      throw bad(position, "an entry of the central directory is cut short")
    }
    name = String(decoding: bytes.storage[position + 46..<nameEnd], as: UTF8.self)
    guard bytes.number(position + 10, 2) == 0 else {
      throw bad(
        position + 10,
        "\(name) is compressed; only stored entries are read (numpy.savez, not savez_compressed)")
    }
    dataLength = bytes.number(position + 24, 4)
    headerOffset = bytes.number(position + 42, 4)
    let hasLongStoredLength = bytes.number(position + 20, 4) == 0xFFFF_FFFF
    // zip64: the extra field of kind 1 holds, in this order, just those numbers that stand as all ones.
    var extra = nameEnd
    while extra + 4 <= extraEnd {
      let kind = bytes.number(extra, 2)
      let fieldEnd = extra + 4 + bytes.number(extra + 2, 2)
      guard fieldEnd <= extraEnd else { throw bad(extra, "an extra field is cut short") }
      if kind == 1 {
        var field = extra + 4
        func take() -> Int {
          guard field + 8 <= fieldEnd else { return -1 }
          defer { field += 8 }
          return bytes.number(field, 8)
        }
        if dataLength == 0xFFFF_FFFF { dataLength = take() }
        if hasLongStoredLength { _ = take() }
        if headerOffset == 0xFFFF_FFFF { headerOffset = take() }
      }
      extra = fieldEnd
    }
  }
}

/// Little-endian numbers in bytes whose range the caller has checked.
private struct Bytes {
  let storage: [UInt8]
  init(_ storage: [UInt8]) { self.storage = storage }

  /// A number of up to eight bytes; −1 when it does not fit.
  func number(_ offset: Int, _ count: Int) -> Int {
    let value = storage[offset..<offset + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(exactly: value) ?? -1
  }
}

/// The Python dictionary at the head of an array: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }`.
struct NumPyHeader {
  let elementType: String
  let shape: [Int]

  init?(_ text: String) {
    func value(of key: String) -> Substring? {
      guard let range = text.firstRange(of: "'\(key)':") else { return nil }
      return text[range.upperBound...].drop { $0 == " " }
    }
    guard let type = value(of: "descr"), type.first == "'",
      let order = value(of: "fortran_order"), order.hasPrefix("False"),
      let extents = value(of: "shape"), extents.first == "(", let close = extents.firstIndex(of: ")")
    else { return nil }
    elementType = String(type.dropFirst().prefix { $0 != "'" })
    var shape: [Int] = []
    for part in extents[extents.index(after: extents.startIndex)..<close].split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let extent = Int(digits), extent >= 0 else { return nil }
      shape.append(extent)
    }
    self.shape = shape
  }
}
