/// Reads a template.
///
/// - Source: pallets/jinja `parser.py`.
struct JinjaParser {
  private let tokens: [(token: JinjaToken, line: Int)]
  private var place = 0
  private var depth = 0
  // A level is some fifteen calls, and threads have half a megabyte of stack.
  private static let depthLimit = 60
  private static let chainLimit = 1000

  static func parse(_ template: String) throws(JinjaError) -> [JinjaStatement] {
    var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: template))
    let body = try parser.body(until: [])
    guard parser.token == .end else { throw parser.unexpected }
    return body
  }

  private init(tokens: [(token: JinjaToken, line: Int)]) { self.tokens = tokens }

  // MARK: Tokens

  var token: JinjaToken { tokens[place].token }
  var line: Int { tokens[place].line }
  var unexpected: JinjaError { .syntax(found: token.shown, line: line) }
  private var following: JinjaToken { place + 1 < tokens.count ? tokens[place + 1].token : .end }

  mutating func advance() { if place + 1 < tokens.count { place += 1 } }

  mutating func take(_ wanted: JinjaToken) -> Bool {
    guard token == wanted else { return false }
    advance()
    return true
  }
  mutating func take(sign: String) -> Bool { take(.sign(sign)) }
  mutating func take(word: String) -> Bool { take(.name(word)) }

  mutating func require(sign: String) throws(JinjaError) {
    guard take(sign: sign) else { throw unexpected }
  }

  mutating func name() throws(JinjaError) -> String {
    guard case .name(let name) = token else { throw unexpected }
    advance()
    return name
  }

  /// Bounds what a hostile template can nest.
  mutating func nested<Result>(_ read: (inout JinjaParser) throws(JinjaError) -> Result) throws(JinjaError)
    -> Result
  {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw .unsupported(construct: "nesting", line: line) }
    return try read(&self)
  }

  /// Bounds the links of a chain such as `a + b + c`, which is a tree as deep as it is long.
  func link(_ count: inout Int) throws(JinjaError) {
    count += 1
    guard count <= Self.chainLimit else {
      throw .unsupported(construct: "an expression this long", line: line)
    }
  }

  // MARK: Statements

  /// Statements up to a tag with one of some words, which is left for the caller.
  private mutating func body(until words: Set<String>) throws(JinjaError) -> [JinjaStatement] {
    var statements: [JinjaStatement] = []
    while true {
      let line = line
      switch token {
      case .end: return statements
      case .text(let text):
        advance()
        statements.append(JinjaStatement(kind: .text(text), line: line))
      case .outputStart:
        advance()
        let value = try expressionList()
        guard take(.outputEnd) else { throw unexpected }
        statements.append(JinjaStatement(kind: .output(value), line: line))
      case .tagStart:
        if case .name(let word) = following, words.contains(word) { return statements }
        advance()
        let kind = try nested { parser throws(JinjaError) in try parser.tag() }
        statements.append(JinjaStatement(kind: kind, line: line))
      default: throw unexpected
      }
    }
  }

  /// A body and the tag that ends it, whose word is read.
  private mutating func body(endingWith words: String...) throws(JinjaError) -> ([JinjaStatement], String) {
    let statements = try body(until: Set(words))
    guard take(.tagStart), case .name(let word) = token else {
      throw .syntax(found: "the end instead of \(words.last!)", line: line)
    }
    advance()
    return (statements, word)
  }

  private mutating func endTag() throws(JinjaError) { guard take(.tagEnd) else { throw unexpected } }

  private mutating func tag() throws(JinjaError) -> JinjaStatement.Kind {
    let line = line
    let word = try name()
    switch word {
    case "if": return try branches()
    case "for": return try loop()
    case "set": return try assignment()
    case "macro": return try macro()
    case "generation":
      try endTag()
      let (body, _) = try body(endingWith: "endgeneration")
      try endTag()
      return .group(body)
    case "filter":
      let filters = try filterChain()
      try endTag()
      let (body, _) = try body(endingWith: "endfilter")
      try endTag()
      return .filtered(filters, body)
    case "break":
      try endTag()
      return .leave
    case "continue":
      try endTag()
      return .again
    case "call", "include", "import", "from", "extends", "block", "with", "autoescape", "do", "trans":
      throw .unsupported(construct: "{% \(word) %}", line: line)
    default: throw .syntax(found: "{% \(word) %}", line: line)
    }
  }

  private mutating func branches() throws(JinjaError) -> JinjaStatement.Kind {
    var branches: [(condition: JinjaExpression?, body: [JinjaStatement])] = []
    var condition: JinjaExpression? = try expression()
    while true {
      try endTag()
      let (body, word) = try body(endingWith: "elif", "else", "endif")
      branches.append((condition, body))
      switch word {
      case "elif" where condition != nil: condition = try expression()
      case "else" where condition != nil: condition = nil
      case "endif":
        try endTag()
        return .branches(branches)
      default: throw .syntax(found: word, line: line)
      }
    }
  }

  private mutating func loop() throws(JinjaError) -> JinjaStatement.Kind {
    let target = try target()
    guard take(word: "in") else { throw unexpected }
    let items = try expression(choosing: false)
    let condition = take(word: "if") ? try expression() : nil
    if token == .name("recursive") { throw .unsupported(construct: "a recursive loop", line: line) }
    try endTag()
    var (body, word) = try body(endingWith: "else", "endfor")
    var otherwise: [JinjaStatement] = []
    if word == "else" {
      try endTag()
      (otherwise, word) = try self.body(endingWith: "endfor")
    }
    try endTag()
    return .loop(
      JinjaLoop(target: target, items: items, condition: condition, body: body, otherwise: otherwise))
  }

  private mutating func assignment() throws(JinjaError) -> JinjaStatement.Kind {
    let target = try target()
    if take(sign: "=") {
      let value = try expressionList()
      try endTag()
      return .assign(target, value)
    }
    let filters = take(sign: "|") ? try filterChain() : []
    try endTag()
    let (body, _) = try body(endingWith: "endset")
    try endTag()
    return .capture(target, filters, body)
  }

  private mutating func target() throws(JinjaError) -> JinjaTarget {
    var targets = [try oneTarget()]
    var isSeveral = false
    while take(sign: ",") {
      isSeveral = true
      guard case .name(let word) = token, word != "in" else { break }
      targets.append(try oneTarget())
    }
    return isSeveral ? .several(targets) : targets[0]
  }

  private mutating func oneTarget() throws(JinjaError) -> JinjaTarget {
    if take(sign: "(") {
      let inner = try nested { parser throws(JinjaError) in try parser.target() }
      try require(sign: ")")
      return inner
    }
    let name = try name()
    return take(sign: ".") ? .member(name, try self.name()) : .name(name)
  }

  private mutating func macro() throws(JinjaError) -> JinjaStatement.Kind {
    let name = try name()
    try require(sign: "(")
    var parameters: [(name: String, standard: JinjaExpression?)] = []
    while !take(sign: ")") {
      let name = try self.name()
      parameters.append((name, take(sign: "=") ? try expression() : nil))
      if token != .sign(")") { try require(sign: ",") }
    }
    try endTag()
    let (body, _) = try body(endingWith: "endmacro")
    try endTag()
    return .macro(JinjaMacro(name: name, parameters: parameters, body: body))
  }
}
