extension String {
  /// Where another text stands in this one, in bytes; places may overlap.
  ///
  /// Bytes and not characters: `{}` before a combining mark is still a place for the subject.
  func byteOffsets(of part: String) -> [Int] {
    let bytes = Array(utf8)
    let wanted = Array(part.utf8)
    guard let first = wanted.first, wanted.count <= bytes.count else { return [] }
    return (0...bytes.count - wanted.count).filter { offset in
      bytes[offset] == first && bytes[offset..<offset + wanted.count].elementsEqual(wanted)
    }
  }

  /// Whether there is nothing but white space.
  var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }

  /// The text without white space at either end.
  var trimmed: String {
    var scalars = unicodeScalars.drop(while: \.properties.isWhitespace)
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    return String(scalars)
  }
}
