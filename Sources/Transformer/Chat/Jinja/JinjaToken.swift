/// A piece of a template.
enum JinjaToken: Equatable {
  /// Text between tags.
  case text(String)
  /// `{{` and `}}`
  case outputStart, outputEnd
  /// `{%` and `%}`
  case tagStart, tagEnd
  case name(String)
  case string(String)
  case integer(Int)
  case float(Double)
  case sign(String)
  case end

  /// As messages show it.
  var shown: String {
    switch self {
    case .text(let text): text
    case .outputStart: "{{"
    case .outputEnd: "}}"
    case .tagStart: "{%"
    case .tagEnd: "%}"
    case .name(let text), .sign(let text): text
    case .string(let text): "'\(text)'"
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .end: "the end"
    }
  }
}

/// Cuts a template into tokens: with `trim_blocks` and `lstrip_blocks`, as chat templates are read.
///
/// - Source: pallets/jinja `lexer.py`; huggingface/transformers `utils/chat_template_utils.py` for the two settings.
struct JinjaLexer {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  /// Whether the text that comes begins a line of the template.
  private var isAtLineStart = true
  private(set) var tokens: [(token: JinjaToken, line: Int)] = []

  static func tokens(of template: String) throws(JinjaError) -> [(token: JinjaToken, line: Int)] {
    var lexer = JinjaLexer(template)
    try lexer.run()
    return lexer.tokens
  }

  private init(_ template: String) {
    var scalars: [Unicode.Scalar] = []
    for scalar in template.unicodeScalars {
      if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
      scalars.append(scalar)
    }
    scalars = scalars.map { $0 == "\r" ? "\n" : $0 }
    // One line end at the end belongs to the file and not to the template.
    if scalars.last == "\n" { scalars.removeLast() }
    self.scalars = scalars
  }

  private mutating func run() throws(JinjaError) {
    while position < scalars.count {
      let start = nextTag()
      try takeText(to: start)
      guard position < scalars.count else { break }
      if looksAt("{#") { try takeComment() } else if try !takeRaw() { try takeTag() }
    }
    tokens.append((.end, line))
  }

  private func looksAt(_ text: String, at place: Int? = nil) -> Bool {
    scalars[(place ?? position)...].starts(with: text.unicodeScalars)
  }

  private func nextTag() -> Int {
    var place = position
    while place + 1 < scalars.count {
      if scalars[place] == "{", ["{", "%", "#"].contains(scalars[place + 1]) { return place }
      place += 1
    }
    return scalars.count
  }

  private mutating func advance(to place: Int) {
    for scalar in scalars[position..<place] where scalar == "\n" { line += 1 }
    position = place
  }

  // MARK: Text

  /// Text up to a tag, without the white space that the tag takes.
  private mutating func takeText(to end: Int) throws(JinjaError) {
    var last = end
    if end < scalars.count {
      let sign = end + 2 < scalars.count ? scalars[end + 2] : " "
      if sign == "-" {
        while last > position, scalars[last - 1].isPythonSpace { last -= 1 }
      } else if sign != "+", scalars[end + 1] != "{" {
        // `lstrip_blocks`: blanks before a tag that is the first of its line.
        var start = end
        while start > position, scalars[start - 1] != "\n", scalars[start - 1].isPythonSpace { start -= 1 }
        let beginsLine = start > position ? scalars[start - 1] == "\n" : isAtLineStart
        if beginsLine { last = start }
      }
    }
    if last > position {
      tokens.append((.text(String(String.UnicodeScalarView(scalars[position..<last]))), line))
    }
    advance(to: end)
  }

  /// After a tag: the white space that it takes behind it.
  private mutating func takeTagEnd(_ sign: Unicode.Scalar?, trimsLine: Bool) {
    isAtLineStart = false
    var end = position
    if sign == "-" {
      while end < scalars.count, scalars[end].isPythonSpace { end += 1 }
      isAtLineStart = end > position && scalars[end - 1] == "\n"
    } else if sign != "+", trimsLine, end < scalars.count, scalars[end] == "\n" {
      end += 1
      isAtLineStart = true
    }
    advance(to: end)
  }

  private mutating func takeComment() throws(JinjaError) {
    var end = position + 2
    while end < scalars.count, !looksAt("#}", at: end) { end += 1 }
    guard end < scalars.count else { throw .syntax(found: "{# without #}", line: line) }
    let sign = scalars[end - 1]
    advance(to: end + 2)
    takeTagEnd(sign, trimsLine: true)
  }

  /// `{% raw %}` and all up to its end.
  private mutating func takeRaw() throws(JinjaError) -> Bool {
    guard let body = end(of: "raw", at: position) else { return false }
    let sign = scalars[body - 3]
    advance(to: body)
    takeTagEnd(sign, trimsLine: false)
    var place = position
    while place < scalars.count, end(of: "endraw", at: place) == nil { place += 1 }
    guard let after = end(of: "endraw", at: place) else {
      throw .syntax(found: "raw without endraw", line: line)
    }
    try takeText(to: place)
    let last = scalars[after - 3]
    advance(to: after)
    takeTagEnd(last, trimsLine: true)
    return true
  }

  /// Where a tag of one word ends, if one stands there.
  private func end(of word: String, at place: Int) -> Int? {
    guard looksAt("{%", at: place) else { return nil }
    var end = place + 2
    if end < scalars.count, scalars[end] == "-" || scalars[end] == "+" { end += 1 }
    while end < scalars.count, scalars[end].isPythonSpace { end += 1 }
    guard looksAt(word, at: end) else { return nil }
    end += word.unicodeScalars.count
    while end < scalars.count, scalars[end].isPythonSpace { end += 1 }
    if end < scalars.count, scalars[end] == "-" || scalars[end] == "+" { end += 1 }
    return looksAt("%}", at: end) ? end + 2 : nil
  }

  // MARK: Tags

  private mutating func takeTag() throws(JinjaError) {
    let isOutput = scalars[position + 1] == "{"
    tokens.append((isOutput ? .outputStart : .tagStart, line))
    position += 2
    if position < scalars.count, scalars[position] == "-" || scalars[position] == "+" { position += 1 }
    var depth = 0
    while true {
      while position < scalars.count, scalars[position].isPythonSpace { advance(to: position + 1) }
      guard position < scalars.count else { throw .syntax(found: "a tag without its end", line: line) }
      let close = isOutput ? "}}" : "%}"
      let sign = scalars[position]
      if depth == 0 {
        let isSigned = (sign == "-" || sign == "+") && looksAt(close, at: position + 1)
        if isSigned || looksAt(close) {
          tokens.append((isOutput ? .outputEnd : .tagEnd, line))
          position += isSigned ? 3 : 2
          return takeTagEnd(isSigned ? sign : nil, trimsLine: !isOutput)
        }
      }
      if "([{".unicodeScalars.contains(sign) { depth += 1 }
      if ")]}".unicodeScalars.contains(sign) { depth -= 1 }
      try takeToken(sign)
    }
  }

  private static let signs = [
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{",
    "}", ",", ".",
    ":", "|",
  ]

  private mutating func takeToken(_ first: Unicode.Scalar) throws(JinjaError) {
    let start = position
    if first == "'" || first == "\"" { return try takeString(first) }
    if first == "_" || first.properties.isXIDStart {
      while position < scalars.count, scalars[position] == "_" || scalars[position].properties.isXIDContinue {
        position += 1
      }
      tokens.append((.name(String(String.UnicodeScalarView(scalars[start..<position]))), line))
    } else if first.isDigit {
      try takeNumber()
    } else if let sign = Self.signs.first(where: { looksAt($0) }) {
      position += sign.unicodeScalars.count
      tokens.append((.sign(sign), line))
    } else {
      throw .syntax(found: String(Character(first)), line: line)
    }
  }

  private mutating func takeNumber() throws(JinjaError) {
    let start = position
    func digits(_ place: inout Int) {
      while place < scalars.count, scalars[place].isDigit || scalars[place] == "_" { place += 1 }
    }
    digits(&position)
    var isFloat = false
    // In `a.0.1` both are places.
    let isPlace = tokens.last?.token == .sign(".")
    if !isPlace, position + 1 < scalars.count, scalars[position] == ".", scalars[position + 1].isDigit {
      isFloat = true
      position += 1
      digits(&position)
    }
    let text = String(String.UnicodeScalarView(scalars[start..<position].filter { $0 != "_" }))
    if isFloat, let number = Double(text) {
      tokens.append((.float(number), line))
    } else if let number = Int(text) {
      tokens.append((.integer(number), line))
    } else {
      throw .syntax(found: text, line: line)
    }
  }

  private mutating func takeString(_ quote: Unicode.Scalar) throws(JinjaError) {
    let start = line
    var text = String.UnicodeScalarView()
    var place = position + 1
    while place < scalars.count, scalars[place] != quote {
      guard scalars[place] == "\\" else {
        text.append(scalars[place])
        place += 1
        continue
      }
      let (scalar, length) = try escape(at: place)
      text.append(contentsOf: scalar)
      place += length
    }
    guard place < scalars.count else { throw .syntax(found: "a string without its end", line: line) }
    advance(to: place + 1)
    tokens.append((.string(String(text)), start))
  }

  /// What a backslash stands for, as in Python.
  private func escape(at place: Int) throws(JinjaError) -> ([Unicode.Scalar], Int) {
    guard place + 1 < scalars.count else { throw .syntax(found: "\\", line: line) }
    func hexadecimal(_ count: Int) throws(JinjaError) -> ([Unicode.Scalar], Int) {
      let end = place + 2 + count
      guard end <= scalars.count,
        let value = UInt32(String(String.UnicodeScalarView(scalars[place + 2..<end])), radix: 16),
        let scalar = Unicode.Scalar(value)
      else { throw .syntax(found: "\\\(scalars[place + 1])", line: line) }
      return ([scalar], 2 + count)
    }
    switch scalars[place + 1] {
    case "n": return (["\n"], 2)
    case "t": return (["\t"], 2)
    case "r": return (["\r"], 2)
    case "b": return (["\u{8}"], 2)
    case "f": return (["\u{C}"], 2)
    case "v": return (["\u{B}"], 2)
    case "a": return (["\u{7}"], 2)
    case "\n": return ([], 2)
    case "\\", "'", "\"": return ([scalars[place + 1]], 2)
    case "x": return try hexadecimal(2)
    case "u": return try hexadecimal(4)
    case "U": return try hexadecimal(8)
    case "N", "0"..."7":
      throw .unsupported(construct: "\\\(scalars[place + 1]) in a string", line: line)
    default: return (["\\", scalars[place + 1]], 2)
    }
  }
}

extension Unicode.Scalar {
  /// As `str.isspace` of Python has it.
  var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
