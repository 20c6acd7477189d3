import Floor

/// Text of files as it stands in messages: of bounded length, on one line, and without what would command a terminal.
enum Quote {
  /// A text in quotation marks.
  static func text(_ text: String, limit: Int = 80) -> String { "“\(plain(text, limit: limit))”" }

  /// A text whose line ends and control characters are written as escapes, cut in its middle where it is long.
  static func plain(_ text: String, limit: Int = 80) -> String {
    let scalars = text.unicodeScalars
    // Counting all of a megabyte would take longer than the message is worth.
    guard scalars.prefix(limit + 1).count > limit else { return escaped(scalars[...]) }
    let tail = limit / 4
    return escaped(scalars.prefix(limit - tail)) + "…" + escaped(scalars.suffix(tail))
  }

  /// Some of a list, and how many more.
  static func list(_ parts: [String], _ count: Int = 3) -> String {
    let shown = parts.prefix(count).map { plain($0) }.joined(separator: ", ")
    return parts.count > count ? "\(shown) and \(parts.count - count) more" : shown
  }

  /// A name as part of an address: what has a meaning there, or is no ASCII, is a percent sign and two digits.
  static func urlPath(_ name: String) -> String {
    name.utf8.map { byte in
      let scalar = UnicodeScalar(byte)
      let isPlain =
        scalar.properties.isAlphabetic && scalar.isASCII || ("0"..."9").contains(scalar)
        || "-._~/".unicodeScalars.contains(scalar)
      return isPlain ? String(scalar) : "%" + Hexadecimal.text([byte]).uppercased()
    }.joined()
  }

  /// A character as people know it: itself in quotation marks, or its number where it has no shape.
  static func character(_ scalar: UnicodeScalar) -> String {
    let names: [UnicodeScalar: String] = [
      "'": "an apostrophe (')", "\u{FEFF}": "a byte-order mark", "\n": "a line end", "\r": "a line end",
      "\t": "a tab",
      "\u{A0}": "a no-break space", "\u{FFFD}": "a character that is not UTF-8",
    ]
    if let name = names[scalar] { return name }
    return needsEscape(scalar) ? escaped(scalar) : "'\(scalar)'"
  }

  private static func escaped(_ text: some Sequence<UnicodeScalar>) -> String {
    var result = ""
    for scalar in text {
      if needsEscape(scalar) { result += escaped(scalar) } else { result.unicodeScalars.append(scalar) }
    }
    return result
  }

  private static func escaped(_ scalar: UnicodeScalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: "\\u{\(String(scalar.value, radix: 16))}"
    }
  }

  /// Control characters, line and paragraph ends, and marks that turn the direction of what follows.
  private static func needsEscape(_ scalar: UnicodeScalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }
}
