internal import ModelFiles

/// Where the bytes of a weight are: in a mapped file, or in memory for one that is run as if edited.
enum StoredBytes: Sendable {
  case mapped(MappedFile, Range<Int>)
  case owned([UInt8])

  /// A part of them; what is in memory is copied.
  func part(_ range: Range<Int>) -> StoredBytes {
    switch self {
    case .mapped(let file, let place):
      precondition(range.upperBound <= place.count, "bytes of the tensor")
      return .mapped(file, place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound)
    case .owned(let bytes): return .owned(Array(bytes[range]))
    }
  }

  func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    switch self {
    case .mapped(let file, let place):
      precondition(range.upperBound <= place.count, "bytes of the tensor")
      return file.withBytes(place.lowerBound + range.lowerBound..<place.lowerBound + range.upperBound, body)
    case .owned(let bytes):
      return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }
}

/// A matrix in the element type it is stored in; a panel of it is turned into floats when it is multiplied with.
struct StoredMatrix: Sendable {
  let bytes: StoredBytes
  let elementType: ElementType
  /// Stored rows and columns, whichever of them are inputs.
  let rows: Int
  let columns: Int
  /// What turns its bytes into numbers, where they are codes with scales beside them.
  var codes: ScaledCodes?
  /// The row of the scales' weight that the first one is.
  private var firstRow = 0

  init(bytes: StoredBytes, elementType: ElementType, rows: Int, columns: Int, codes: ScaledCodes? = nil) {
    self.bytes = bytes
    self.elementType = elementType
    self.rows = rows
    self.columns = columns
    self.codes = codes
  }

  /// Bytes from one row to the next.
  private var rowByteCount: Int { columns / elementType.blockElementCount * (elementType.bitCount / 8) }

  /// Decodes columns of some rows to `target`, one row after the other. Both ends of the columns are whole blocks.
  func decode(rows range: Range<Int>, columns span: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let block = elementType.blockElementCount
    let byteCount = elementType.bitCount / 8
    let first = span.lowerBound / block * byteCount
    let length = span.count / block * byteCount
    if let codes {
      for (place, row) in range.enumerated() {
        bytes.withBytes(row * rowByteCount + first..<row * rowByteCount + first + length) {
          codes.decode($0, row: firstRow + row, from: span.lowerBound, into: target + place * span.count)
        }
      }
      return
    }
    if span.count == columns {
      bytes.withBytes(range.lowerBound * rowByteCount..<range.upperBound * rowByteCount) {
        elementType.decode(
          $0, into: UnsafeMutableBufferPointer(start: target, count: range.count * span.count))
      }
      return
    }
    bytes.withBytes(range.lowerBound * rowByteCount..<range.upperBound * rowByteCount) { rows in
      for index in 0..<range.count {
        let start = index * rowByteCount + first
        elementType.decode(
          UnsafeRawBufferPointer(rebasing: rows[start..<start + length]),
          into: UnsafeMutableBufferPointer(start: target + index * span.count, count: span.count))
      }
    }
  }

  /// Lends the stored elements where they lie, if a product can use them so: floats, and for few rows also f16 and bf16.
  func withElements<Result>(forFewRows isFew: Bool, _ body: (UnsafeRawPointer?) -> Result) -> Result {
    let isUsable =
      switch elementType {
      case .f32: true
      case .f16, .bf16: isFew
      default: false
      }
    guard isUsable else { return body(nil) }
    return bytes.withBytes(0..<rows * rowByteCount) { stored in
      let isAligned = Int(bitPattern: stored.baseAddress) % MemoryLayout<Float>.alignment == 0
      return body(isFew || isAligned ? stored.baseAddress : nil)
    }
  }

  /// Some of the rows, where they lie.
  func rows(_ range: Range<Int>) -> StoredMatrix {
    let place = range.lowerBound * rowByteCount..<range.upperBound * rowByteCount
    var part = StoredMatrix(
      bytes: bytes.part(place), elementType: elementType, rows: range.count, columns: columns, codes: codes)
    part.firstRow = firstRow + range.lowerBound
    return part
  }

  /// The elements of one row.
  func row(_ index: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: columns) { buffer, initialized in
      decode(rows: index..<index + 1, columns: 0..<columns, into: buffer.baseAddress!)
      initialized = columns
    }
  }
}
