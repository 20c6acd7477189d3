public import ModelFiles

/// Why a corpus was refused. Cases hold the values; the command writes the prose. Offsets count the text's bytes, after
/// decompression, unless said otherwise.
public enum CorpusError: Error, Equatable, Sendable {
  /// The text is not UTF-8 at this byte.
  case encoding(file: String, TextPlace)
  /// The compressed data are damaged at or before this byte of the file itself.
  case badCompression(file: String, byteOffset: Int, detail: String)
  /// The compressed data end in the middle.
  case compressionCutShort(file: String, fileSize: Int)
  /// A JSON corpus is not JSON at this byte.
  case syntax(file: String, TextPlace, problem: JSONError.Problem)
  /// The object that begins at this byte has no string `text`.
  case noText(file: String, TextPlace)
  /// The document that begins at this byte is longer than the limit.
  case documentTooLong(file: String, TextPlace, limit: Int)
  /// The file is no text.
  case notText(file: String, found: FileContent)
}
