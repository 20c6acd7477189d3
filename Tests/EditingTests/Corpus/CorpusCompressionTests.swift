import CZlib
import CZstd
import Editing
import Patches
import TestSupport
import Testing

@Suite struct CorpusCompressionTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// How a text is packed.
  enum Format: CaseIterable {
    case gzip
    case zstd

    func compress(_ text: [UInt8]) -> [UInt8] {
      switch self {
      case .gzip: gzipped(text)
      case .zstd: zstandard(text)
      }
    }
  }

  /// 2 MB that do not compress to nothing, in 20 000 lines.
  static let text: [UInt8] = {
    var generator = SplitMix64(state: 3)
    var text: [UInt8] = []
    for number in 0..<20_000 {
      text += Array("\(number)".utf8)
      for _ in 0..<94 { text.append(0x61 + UInt8.random(in: 0..<16, using: &generator)) }
      text.append(0x0A)
    }
    return text
  }()

  private func read(_ bytes: [UInt8]) throws -> (count: Int, digest: Digest?) {
    // The name says nothing: the first bytes tell.
    var reader = Corpus([try folder.write(bytes, to: "corpus.txt")]).documents()
    var count = 0
    while try reader.next() != nil { count += 1 }
    return (count, reader.digest)
  }

  @Test(arguments: Format.allCases) func `a compressed text is the text`(format: Format) throws {
    let (count, digest) = try read(format.compress(Self.text))
    #expect(count == 20_000)
    #expect(digest == Digest(of: Self.text))
  }

  @Test(arguments: Format.allCases) func `frames may follow one another`(format: Format) throws {
    let half = Self.text.count / 2 + 5
    let (first, second) = (Array(Self.text[..<half]), Array(Self.text[half...]))
    let bytes = format.compress(first) + format.compress([]) + format.compress(second)
    #expect(try read(bytes).digest == Digest(of: Self.text))
  }

  @Test(arguments: Format.allCases) func `no text is no documents`(format: Format) throws {
    #expect(try read(format.compress([])).count == 0)
  }

  @Test func `a frame to be skipped may come first`() throws {
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 7, 7]
    #expect(try read(skippable + zstandard(Self.text)).count == 20_000)
  }

  @Test(arguments: Format.allCases) func `a text cut short at any length is refused`(format: Format) throws {
    let bytes = format.compress(Array("one\ntwo\nthree three three three three".utf8))
    // Four bytes tell the format; with fewer it is text, which these are not.
    for length in 4..<bytes.count {
      #expect(
        throws: CorpusError.compressionCutShort(file: folder.path("corpus.txt"), fileSize: length),
        "cut to \(length)"
      ) { try read(Array(bytes[..<length])) }
    }
    let long = format.compress(Self.text)
    for length in [262_144, 262_145, long.count - 1] where length < long.count {
      #expect(
        throws: CorpusError.compressionCutShort(file: folder.path("corpus.txt"), fileSize: length)
      ) { try read(Array(long[..<length])) }
    }
  }

  @Test(arguments: Format.allCases) func `damage and bytes behind the end are refused`(format: Format) throws
  {
    var bytes = format.compress(Self.text)
    for rest in [[0, 0], [0x61]] as [[UInt8]] {
      #expect(throws: CorpusError.self) { try read(bytes + rest) }
    }
    bytes[bytes.count / 2] ^= 0x10
    let error = #expect(throws: CorpusError.self) { try read(bytes) }
    #expect(error.map(caseName(ofError:)) == "badCompression")
  }

  @Test(arguments: Format.allCases) func `a changed byte does no harm`(format: Format) throws {
    let bytes = format.compress(Array("one\ntwo\nthree three three three three".utf8))
    for position in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[position] ^= 1 << bit
        do { _ = try read(changed) } catch is CorpusError {}
      }
    }
  }
}

/// gzip of a text, by zlib.
private func gzipped(_ text: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  deflateInit2_(
    &stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    Int32(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var text = text
  return [UInt8](unsafeUninitializedCapacity: text.count + text.count / 10 + 100) { buffer, count in
    text.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = buffer.baseAddress
      stream.avail_out = UInt32(buffer.count)
      precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the text fits")
    }
    count = Int(stream.total_out)
  }
}

/// zstd of a text, with a checksum, so that damage always shows.
private func zstandard(_ text: [UInt8]) -> [UInt8] {
  let context = ZSTD_createCCtx()
  defer { ZSTD_freeCCtx(context) }
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(text.count)) { buffer, count in
    count = ZSTD_compress2(context, buffer.baseAddress, buffer.count, text, text.count)
  }
}
