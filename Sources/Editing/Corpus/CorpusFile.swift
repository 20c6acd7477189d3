internal import Floor
internal import Glibc
internal import ModelFiles
internal import Patches

/// One file of a corpus, cut into documents as it is read: see `Corpus`.
final class CorpusFile {
  private static let windowByteCount = 1 << 16
  private let documentLimit: Int
  private let source: CorpusBytes
  private var hash = StreamedDigest()
  private var layout = CorpusLayout.lines
  /// Text that was read and not yet handed out.
  private var buffer: [UInt8] = []
  /// Where `buffer` begins in the text.
  private var bufferStart = TextPlace.start
  /// First byte of the document under way.
  private var start = 0
  /// First byte that was not looked at: of the next line, or behind the last value.
  private var cursor = 0
  /// Where in a JSON array the cursor stands.
  private var elements = CorpusElements()

  init(_ path: String, documentLimit: Int = 1 << 24) throws {
    self.documentLimit = documentLimit
    source = try CorpusBytes(path)
    while buffer.count < Self.windowByteCount, try fill() {}
    let content = FileContent(buffer[...])
    guard content.isWriting else { throw CorpusError.notText(file: path, found: content) }
    if buffer.starts(with: TextFile.mark) { (start, cursor) = (TextFile.mark.count, TextFile.mark.count) }
    layout = CorpusLayout(of: buffer[cursor...].prefix(Self.windowByteCount))
  }

  /// How far in the file, as it lies on the disk.
  var bytesRead: Int { source.bytesRead }

  /// SHA-256 of the text; of the whole text once `next` gave `nil`.
  var digest: Digest { hash.value }

  /// The next document that is not blank.
  func next() throws -> String? {
    while let range = try layout.isJSON ? nextValue() : nextLines() {
      guard range.count <= documentLimit else { throw tooLong(range.lowerBound) }
      let text = try layout.isJSON ? jsonText(range) : plainText(range)
      if !text.utf8.allSatisfy(\.isBlank) { return text }
    }
    return nil
  }

  private func place(_ position: Int) -> TextPlace { TextPlace(position, in: buffer[...], from: bufferStart) }

  private func tooLong(_ position: Int) -> CorpusError {
    .documentTooLong(file: source.path, place(position), limit: documentLimit)
  }

  private func syntax(_ problem: JSONError.Problem, _ position: Int) -> CorpusError {
    .syntax(file: source.path, place(position), problem: problem)
  }

  /// Lets go of what was handed out.
  private func forget() {
    guard start >= 1 << 20 else { return }
    bufferStart = place(start)
    buffer.removeFirst(start)
    (start, cursor) = (0, cursor - start)
  }

  private func fill() throws -> Bool {
    guard let bytes = try source.next() else { return false }
    bytes.withUnsafeBytes { hash.update($0) }
    buffer += bytes
    return true
  }

  // MARK: Plain text

  /// The bytes of the next document.
  private func nextLines() throws -> Range<Int>? {
    forget()
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

  private func plainText(_ range: Range<Int>) throws -> String {
    if let text = String(validating: buffer[range], as: UTF8.self) { return text }
    let invalid = Array(buffer[range]).firstInvalidUTF8 ?? 0
    throw CorpusError.encoding(file: source.path, place(range.lowerBound + invalid))
  }

  // MARK: JSON

  /// The bytes of the next value; what stands between values is checked on the way.
  private func nextValue() throws -> Range<Int>? {
    start = cursor
    forget()
    while true {
      while cursor < buffer.count, buffer[cursor].isBlank { cursor += 1 }
      guard cursor < buffer.count else {
        if try fill() { continue }
        if layout == .array, !elements.isClosed { throw syntax(.unexpectedEnd, cursor) }
        return nil
      }
      guard layout == .array else { break }
      let found = buffer[cursor]
      if let problem = elements.problem(with: found, scalar(at: cursor)) { throw syntax(problem, cursor) }
      if elements.takes(found) { break }
      cursor += 1
    }
    start = cursor
    var scanner = JSONValueScanner()
    while true {
      if let end = buffer.withUnsafeBytes({ scanner.end(in: $0, from: cursor) }) {
        cursor = end
        return start..<end
      }
      cursor = buffer.count
      if buffer.count - start > documentLimit {
        // What is not JSON has no end to be found; it is that that is wrong, not the length.
        if let error = jsonError(start..<buffer.count), error.problem != .unexpectedEnd {
          throw syntax(error, at: start)
        }
        throw tooLong(start)
      }
      if try !fill() { return start..<buffer.count }
    }
  }

  private func scalar(at position: Int) -> UnicodeScalar {
    String(decoding: buffer[position...].prefix(4), as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}"
  }

  private func syntax(_ error: JSONError, at position: Int) -> CorpusError {
    .syntax(file: source.path, error.place.moved(to: place(position)), problem: error.problem)
  }

  private func jsonError(_ range: Range<Int>) -> JSONError? {
    var reader = JSONReader(buffer[range])
    do throws(JSONError) {
      try reader.skip()
      return nil
    } catch { return error }
  }

  /// The text of an object, or of a string in an array.
  private func jsonText(_ range: Range<Int>) throws -> String {
    let bytes = buffer[range]
    if String(validating: bytes, as: UTF8.self) == nil { _ = try plainText(range) }
    var text: String?
    do throws(JSONError) {
      var reader = JSONReader(bytes)
      if layout == .array, try reader.peek() == UInt8(ascii: "\"") {
        text = try reader.string()
      } else {
        try reader.object { reader, key, _ throws(JSONError) in
          if key == "text", try reader.peek() == UInt8(ascii: "\"") {
            text = try reader.string()
          } else {
            try reader.skip()
          }
        }
      }
      try reader.finish()
    } catch { throw syntax(error, at: range.lowerBound) }
    guard let text else { throw CorpusError.noText(file: source.path, place(range.lowerBound)) }
    return text
  }
}
