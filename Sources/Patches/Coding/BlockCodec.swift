internal import CZstd

extension BlockCoding {
  /// Levels above this one gain under 1 % on factors, whose low mantissa bytes are noise.
  private static let zstdLevel: Int32 = 9

  /// Takes planes apart and compresses; what does not shrink is stored as it is.
  static func encode(_ bytes: [UInt8], planesOf planeCount: Int) -> (coding: BlockCoding, stored: [UInt8]) {
    let coding: BlockCoding =
      switch planeCount {
      case 2: .zstdPlanesOf2
      case 4: .zstdPlanesOf4
      default: .zstd
      }
    let planes = split(bytes, into: planeCount)
    let compressed = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(planes.count)) { buffer, count in
      count = ZSTD_compress(buffer.baseAddress, buffer.count, planes, planes.count, zstdLevel)
      precondition(ZSTD_isError(count) == 0, "zstd compresses into a buffer of its own bound")
    }
    return compressed.count < bytes.count ? (coding, compressed) : (.stored, bytes)
  }

  /// Gives back a block's content, or `nil` when the stored bytes do not decode to exactly the declared length.
  func decode(_ stored: [UInt8], count: Int) -> [UInt8]? {
    switch self {
    case .choices, .differences: return nil
    case .stored: return stored.count == count ? stored : nil
    case .zstd, .zstdPlanesOf2, .zstdPlanesOf4:
      guard count % planeCount == 0 else { return nil }
      // The frame must be one and end with the block; the output buffer bounds what it may expand to.
      guard ZSTD_findFrameCompressedSize(stored, stored.count) == stored.count else { return nil }
      var written = 0
      let planes = [UInt8](unsafeUninitializedCapacity: max(count, 1)) { buffer, initialized in
        written = ZSTD_decompress(buffer.baseAddress, count, stored, stored.count)
        initialized = ZSTD_isError(written) == 0 ? min(written, count) : 0
      }
      guard written == count, planes.count == count else { return nil }
      return BlockCoding.join(planes, from: planeCount)
    }
  }

  /// Byte p of element i goes to place p·n + i: bytes that behave alike stand together.
  private static func split(_ bytes: [UInt8], into planeCount: Int) -> [UInt8] {
    guard planeCount > 1 else { return bytes }
    let count = bytes.count / planeCount
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialized in
      for plane in 0..<planeCount {
        for index in 0..<count { buffer[plane * count + index] = bytes[index * planeCount + plane] }
      }
      initialized = bytes.count
    }
  }

  private static func join(_ planes: [UInt8], from planeCount: Int) -> [UInt8] {
    guard planeCount > 1 else { return planes }
    let count = planes.count / planeCount
    return [UInt8](unsafeUninitializedCapacity: planes.count) { buffer, initialized in
      for plane in 0..<planeCount {
        for index in 0..<count { buffer[index * planeCount + plane] = planes[plane * count + index] }
      }
      initialized = planes.count
    }
  }
}
