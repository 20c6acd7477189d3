internal import Floor
internal import Glibc
internal import ModelFiles
internal import Patches

/// One file of a corpus, cut into documents as it is read: see `Corpus`.
final class CorpusFile {
  /// How documents stand in the file.
  private enum Layout { case lines, paragraphs, json }

  private static let windowByteCount = 1 << 16
  private let documentLimit: Int
  private let source: CorpusBytes
  private var hash = StreamedDigest()
  private var layout = Layout.lines
  /// Text that was read and not yet handed out.
  private var buffer: [UInt8] = []
  /// Where `buffer` begins in the text.
  private var bufferOffset = 0
  /// First byte of the document under way.
  private var start = 0
  /// First byte of the next line.
  private var cursor = 0

  init(_ path: String, documentLimit: Int = 1 << 24) throws {
    self.documentLimit = documentLimit
    source = try CorpusBytes(path)
    while buffer.count < Self.windowByteCount, try fill() {}
    if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { (start, cursor) = (3, 3) }
    layout = Self.layout(of: buffer[cursor...].prefix(Self.windowByteCount))
  }

  /// How far in the file, as it lies on the disk.
  var bytesRead: Int { source.bytesRead }

  /// SHA-256 of the text; of the whole text once `next` gave `nil`.
  var digest: Digest { hash.value }

  /// The next document that is not blank.
  func next() throws -> String? {
    while let range = try nextRange() {
      guard range.count <= documentLimit else { throw tooLong(range.lowerBound) }
      let bytes = Array(buffer[range])
      if let offset = bytes.firstInvalidUTF8 {
        throw CorpusError.encoding(
          file: source.path, byteOffset: bufferOffset + range.lowerBound + offset)
      }
      guard layout == .json else { return String(decoding: bytes, as: UTF8.self) }
      let text = try jsonText(bytes, at: bufferOffset + range.lowerBound)
      if !text.utf8.allSatisfy(\.isBlank) { return text }
    }
    return nil
  }

  private func tooLong(_ position: Int) -> CorpusError {
    .documentTooLong(
      file: source.path, byteOffset: bufferOffset + position, limit: documentLimit)
  }

  /// The bytes of the next document, or of its JSON.
  private func nextRange() throws -> Range<Int>? {
    if start >= 1 << 20 {
      buffer.removeFirst(start)
      bufferOffset += start
      (start, cursor) = (0, cursor - start)
    }
    var document: Range<Int>?
    while let line = try nextLine() {
      let isBlank = buffer[line].allSatisfy(\.isBlank)
      if isBlank, document != nil { break }
      if isBlank {
        start = cursor
        continue
      }
      document = (document ?? line).lowerBound..<line.upperBound
      if layout != .paragraphs { break }
    }
    start = cursor
    return document
  }

  /// The next line, without its end.
  private func nextLine() throws -> Range<Int>? {
    var searched = cursor
    while true {
      if let end = newline(from: searched) {
        defer { cursor = end + 1 }
        return cursor..<(end > cursor && buffer[end - 1] == 0x0D ? end - 1 : end)
      }
      searched = buffer.count
      // Two bytes of a line's end may stand behind a document of just the limit.
      guard buffer.count - start <= documentLimit + 2 else { throw tooLong(start) }
      if try fill() { continue }
      guard cursor < buffer.count else { return nil }
      defer { cursor = buffer.count }
      return cursor..<buffer.count
    }
  }

  private func newline(from position: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard position < bytes.count, let base = bytes.baseAddress,
        let found = memchr(base + position, 0x0A, bytes.count - position)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  private func fill() throws -> Bool {
    guard let bytes = try source.next() else { return false }
    bytes.withUnsafeBytes { hash.update($0) }
    buffer += bytes
    return true
  }

  private func jsonText(_ line: [UInt8], at offset: Int) throws -> String {
    var text: String?
    do throws(JSONError) {
      var reader = JSONReader(line[...])
      try reader.object { reader, key, _ throws(JSONError) in
        if key == "text", try reader.peek() == UInt8(ascii: "\"") {
          text = try reader.string()
        } else {
          try reader.skip()
        }
      }
      try reader.finish()
    } catch {
      throw CorpusError.syntax(
        file: source.path, byteOffset: offset + error.byteOffset, problem: error.problem)
    }
    guard let text else { throw CorpusError.noText(file: source.path, byteOffset: offset) }
    return text
  }

  private static func layout(of window: ArraySlice<UInt8>) -> Layout {
    if window.first(where: { !$0.isBlank }) == UInt8(ascii: "{") { return .json }
    var sawBlankAfterText = false
    var sawText = false
    for line in window.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isBlank) {
        sawBlankAfterText = sawText
      } else if sawBlankAfterText {
        return .paragraphs
      } else {
        sawText = true
      }
    }
    return .lines
  }
}

extension UInt8 {
  /// Space, and the control characters from tab to carriage return.
  fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
