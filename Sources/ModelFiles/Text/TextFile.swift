internal import Floor

/// A text that is read whole: of bounded length, UTF-8, and without the byte-order mark that some editors put before it.
///
/// Every reader of text goes through here, so that all of them take and refuse the same files.
public struct TextFile: Sendable {
  /// The path, as the caller named it.
  public let path: String
  /// The text, without a byte-order mark.
  public let bytes: [UInt8]
  /// Where the text begins: behind the mark, if there is one.
  public let start: TextPlace

  /// Longest files of each use that are read; the largest in use have about a tenth of it.
  public enum Limit {
    /// Configurations, recipes, contexts: what people write.
    public static let settings = 16 << 20
    /// Tokenizers and their parts.
    public static let tokenizer = 256 << 20
    /// Prompts and texts that are put to a model.
    public static let text = 256 << 20
    /// Data sets, and answers to them.
    public static let dataset = 1 << 30
  }

  /// UTF-8's byte-order mark.
  public static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Reads a text.
  ///
  /// - Parameter use: `.text` for any, to which pages and tables belong; `.json` for JSON and JSON lines.
  /// - Throws: `fileTooLarge`; `otherContent` for what is no text of this form, such as a pointer to a file or an archive;
  ///   `headerEncoding` at the first byte that is not UTF-8; `system` when the file cannot be read.
  public init(_ path: String, _ use: ModelFileError.FileUse, limit: Int) throws(ModelFileError) {
    try self.init(OpenFile(path, .reading), use, limit: limit)
  }

  /// Reads the text of an open file.
  public init(_ file: OpenFile, _ use: ModelFileError.FileUse, limit: Int) throws(ModelFileError) {
    path = file.path
    let size = try file.size()
    guard size <= limit else {
      throw ModelFileError(.fileTooLarge(byteCount: size, limit: limit), file: path)
    }
    let whole = try file.read(size, at: 0)
    try FileContent(whole[...]).require(use, file: path)
    let markLength = whole.starts(with: Self.mark) ? Self.mark.count : 0
    if let invalid = whole.firstInvalidUTF8 {
      throw ModelFileError(.headerEncoding, file: path, position: TextPlace(invalid, in: whole[...]))
    }
    bytes = markLength == 0 ? whole : Array(whole[markLength...])
    start = TextPlace(byteOffset: markLength, line: 1, column: 1)
  }

  /// The text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The place of a byte of the text in the file.
  public func place(_ offset: Int) -> TextPlace { TextPlace(offset, in: bytes[...], from: start) }

  /// The text as one JSON value.
  ///
  /// - Throws: `headerSyntax` with line and column.
  public func json() throws(ModelFileError) -> JSONValue {
    do throws(JSONError) { return try JSONValue(parsing: bytes) } catch {
      throw ModelFileError(.headerSyntax(error.problem), file: path, position: error.place.moved(to: start))
    }
  }

  /// The text as values one after another, such as JSON lines, or as the elements of one array.
  ///
  /// - Throws: `headerSyntax` with line and column.
  public func jsonValues() throws(ModelFileError) -> [JSONValue] {
    var values: [JSONValue] = []
    do throws(JSONError) {
      try forEachValue { value throws(JSONError) in values.append(value) }
    } catch {
      throw ModelFileError(.headerSyntax(error.problem), file: path, position: error.place.moved(to: start))
    }
    return values
  }

  /// Hands out values one after another, or the elements of one array, as they are read.
  public func forEachValue(_ body: (JSONValue) throws(JSONError) -> Void) throws(JSONError) {
    var reader = JSONReader(bytes[...])
    guard !reader.isAtEnd() else { return }
    guard try reader.peek() == UInt8(ascii: "[") else {
      repeat { try body(try JSONValue(parsing: &reader)) } while !reader.isAtEnd()
      return
    }
    try reader.array { reader throws(JSONError) in try body(try JSONValue(parsing: &reader)) }
    try reader.finish()
  }
}
