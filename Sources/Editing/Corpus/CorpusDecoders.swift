internal import CZlib
internal import CZstd

/// Decompresses a stream of frames, which may stand one after another.
protocol CorpusDecoder: AnyObject {
  /// Whether the last frame has ended and no other has begun.
  var isBetweenFrames: Bool { get }

  /// Takes some input and makes some output; makes nothing more than is asked for, and nothing only for want of input.
  func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    throws(CorpusDecodingProblem) -> (taken: Int, made: Int)
}

/// What a decoder found wrong, in the library's words.
struct CorpusDecodingProblem: Error {
  let detail: String
}

/// gzip (RFC 1952), members one after another as `cat` or bgzip make them; checksums are checked.
final class GzipDecoder: CorpusDecoder {
  private var stream = z_stream()
  private(set) var isBetweenFrames = false

  init() {
    // 16 more than the window's bits asks zlib for gzip's own header.
    let status = inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib starts: \(status)")
  }

  deinit { inflateEnd(&stream) }

  func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    throws(CorpusDecodingProblem) -> (taken: Int, made: Int)
  {
    if isBetweenFrames {
      inflateReset(&stream)
      isBetweenFrames = false
    }
    // SAFETY: zlib reads `input` and writes `output` within these counts, and keeps neither: both are set at each call.
    stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(input.count)
    stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(output.count)
    let status = inflate(&stream, Z_NO_FLUSH)
    switch status {
    case Z_STREAM_END: isBetweenFrames = true
    case Z_OK, Z_BUF_ERROR: break
    default:
      throw CorpusDecodingProblem(
        detail: stream.msg.map { String(cString: $0) } ?? "zlib status \(status)")
    }
    return (input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
  }
}

/// zstd (RFC 8878), frames one after another; windows of up to 128 MiB, as the library allows by itself.
final class ZstdDecoder: CorpusDecoder {
  private let context: OpaquePointer
  private(set) var isBetweenFrames = false

  init() {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("zstd starts") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    throws(CorpusDecodingProblem) -> (taken: Int, made: Int)
  {
    // SAFETY: zstd reads `input` and writes `output` within these sizes, and keeps neither.
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var destination = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let status = ZSTD_decompressStream(context, &destination, &source)
    guard ZSTD_isError(status) == 0 else {
      throw CorpusDecodingProblem(detail: String(cString: ZSTD_getErrorName(status)))
    }
    isBetweenFrames = status == 0
    return (source.pos, destination.pos)
  }
}
