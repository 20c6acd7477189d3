internal import ModelFiles

/// The text of a corpus file piece by piece, decompressed on the way.
final class CorpusBytes {
  let path: String
  private let file: OpenFile
  private let fileSize: Int
  private let decoder: (any CorpusDecoder)?
  private var input: ArraySlice<UInt8> = []
  /// Bytes of the file that were read so far.
  private(set) var bytesRead = 0

  private static let pieceByteCount = 1 << 18

  init(_ path: String) throws {
    self.path = path
    file = try OpenFile(path, .reading)
    fileSize = try file.size()
    let magic = try file.read(min(4, fileSize), at: 0)
    decoder =
      if magic.starts(with: [0x1F, 0x8B]) {
        GzipDecoder()
      } else if magic == [0x28, 0xB5, 0x2F, 0xFD]
        || magic.count == 4 && magic[0] & 0xF0 == 0x50 && magic[1...] == [0x2A, 0x4D, 0x18]
      {
        // A frame, or one that is to be skipped: some compressors begin with such a one.
        ZstdDecoder()
      } else {
        nil
      }
  }

  /// The next piece of up to 256 KiB; `nil` at the end.
  func next() throws -> [UInt8]? {
    guard let decoder else { return try readPiece() }
    while true {
      if input.isEmpty, let piece = try readPiece() { input = piece[...] }
      // Between two frames there is nothing left inside the decoder.
      if input.isEmpty, decoder.isBetweenFrames { return nil }
      var taken = 0
      let output = try [UInt8](unsafeUninitializedCapacity: Self.pieceByteCount) { buffer, count in
        do {
          (taken, count) = try input.withUnsafeBytes {
            try decoder.decode($0, into: UnsafeMutableRawBufferPointer(buffer))
          }
        } catch let problem as CorpusDecodingProblem {
          throw CorpusError.badCompression(
            file: path, byteOffset: bytesRead - input.count, detail: problem.detail)
        }
      }
      input = input.dropFirst(taken)
      if !output.isEmpty { return output }
      guard taken > 0 || decoder.isBetweenFrames else {
        throw CorpusError.compressionCutShort(file: path, fileSize: fileSize)
      }
    }
  }

  private func readPiece() throws -> [UInt8]? {
    guard bytesRead < fileSize else { return nil }
    let piece = try file.read(min(Self.pieceByteCount, fileSize - bytesRead), at: bytesRead)
    bytesRead += piece.count
    return piece
  }
}
