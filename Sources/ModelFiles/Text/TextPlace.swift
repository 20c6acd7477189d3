/// A place in a text, as editors count: lines and columns from 1, a column for each Unicode scalar.
public struct TextPlace: Equatable, Sendable {
  /// From the first byte of the file.
  public let byteOffset: Int
  /// From 1; a line ends with a line feed.
  public let line: Int
  /// From 1, in Unicode scalars.
  public let column: Int

  /// Joins the three.
  public init(byteOffset: Int, line: Int, column: Int) {
    self.byteOffset = byteOffset
    self.line = line
    self.column = column
  }

  /// The first byte of a text without a byte-order mark.
  public static let start = TextPlace(byteOffset: 0, line: 1, column: 1)

  /// The place of a byte in a text, or in a part of one that begins at `start`.
  ///
  /// - Complexity: proportional to the offset; places are looked for once, in errors.
  public init(_ byteOffset: Int, in bytes: ArraySlice<UInt8>, from start: TextPlace = .start) {
    let before = bytes.prefix(byteOffset)
    let lines = before.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? before.startIndex
    // A byte that continues a scalar begins with the bits 10.
    let scalars = before[lineStart...].reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    self.init(
      byteOffset: start.byteOffset + byteOffset, line: start.line + lines,
      column: (lines == 0 ? start.column : 1) + scalars)
  }

  /// This place of a part, in the text in which the part begins at `start`.
  public func moved(to start: TextPlace) -> TextPlace {
    TextPlace(
      byteOffset: start.byteOffset + byteOffset, line: start.line + line - 1,
      column: line == 1 ? start.column + column - 1 : column)
  }
}
