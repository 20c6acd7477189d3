extension JSONValue {
  /// The value as compact UTF-8 text: no white space, keys in their order, shortest digits that read back the same.
  public var compactText: String {
    var text = ""
    write(into: &text, indent: nil)
    return text
  }

  /// The value as text for people: one member a line, arrays of plain values on one line.
  public var indentedText: String {
    var text = ""
    write(into: &text, indent: 0)
    return text
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private func write(into text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value):
      // JSON has no word for infinity; a measurement that has no number is null.
      text += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSONValue.quote(value, into: &text)
    case .array(let values):
      let deeper = values.allSatisfy(\.isPlain) ? nil : indent
      JSONValue.list(values, "[", "]", into: &text, indent: deeper) { value, text, inner in
        value.write(into: &text, indent: inner)
      }
    case .object(let members):
      JSONValue.list(members, "{", "}", into: &text, indent: indent) { member, text, inner in
        JSONValue.quote(member.key, into: &text)
        text += inner == nil ? ":" : ": "
        member.value.write(into: &text, indent: inner)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: String, _ close: String, into text: inout String, indent: Int?,
    write: (Element, inout String, Int?) -> Void
  ) {
    text += open
    let inner = indent.map { $0 + 2 }
    for (position, element) in elements.enumerated() {
      if position > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      write(element, &text, inner)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }

  /// Escapes what RFC 8259 demands and nothing else, in the form of RFC 8785, which is also serde_json's.
  private static func quote(_ value: String, into text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
