extension JinjaParser {
  /// An expression, or several with commas between, which are a tuple.
  mutating func expressionList() throws(JinjaError) -> JinjaExpression {
    let line = line
    let first = try expression()
    guard token == .sign(",") else { return first }
    var all = [first]
    while take(sign: ",") {
      if token == .tagEnd || token == .outputEnd { break }
      all.append(try expression())
    }
    return JinjaExpression(kind: .tuple(all), line: line)
  }

  /// - Parameter choosing: whether `x if y else z` may stand here.
  mutating func expression(choosing: Bool = true) throws(JinjaError) -> JinjaExpression {
    try nested { parser throws(JinjaError) in
      var value = try parser.disjunction()
      while choosing, parser.token == .name("if") {
        let line = parser.line
        parser.advance()
        let condition = try parser.disjunction()
        let otherwise = parser.take(word: "else") ? try parser.expression() : nil
        value = JinjaExpression(kind: .choice(value, condition: condition, otherwise: otherwise), line: line)
      }
      return value
    }
  }

  private mutating func disjunction() throws(JinjaError) -> JinjaExpression {
    var left = try conjunction()
    var count = 0
    while token == .name("or") {
      let line = line
      try link(&count)
      advance()
      left = JinjaExpression(kind: .or(left, try conjunction()), line: line)
    }
    return left
  }

  private mutating func conjunction() throws(JinjaError) -> JinjaExpression {
    var left = try negation()
    var count = 0
    while token == .name("and") {
      let line = line
      try link(&count)
      advance()
      left = JinjaExpression(kind: .and(left, try negation()), line: line)
    }
    return left
  }

  private mutating func negation() throws(JinjaError) -> JinjaExpression {
    guard token == .name("not") else { return try comparison() }
    let line = line
    advance()
    return try nested { parser throws(JinjaError) in
      JinjaExpression(kind: .not(try parser.negation()), line: line)
    }
  }

  private mutating func comparison() throws(JinjaError) -> JinjaExpression {
    let line = line
    let first = try sum()
    var rest: [(String, JinjaExpression)] = []
    while true {
      if case .sign(let sign) = token, ["==", "!=", "<", ">", "<=", ">="].contains(sign) {
        advance()
        rest.append((sign, try sum()))
      } else if take(word: "in") {
        rest.append(("in", try sum()))
      } else if token == .name("not"), isBeforeIn {
        advance()
        advance()
        rest.append(("not in", try sum()))
      } else {
        return rest.isEmpty ? first : JinjaExpression(kind: .comparison(first, rest), line: line)
      }
    }
  }

  private var isBeforeIn: Bool {
    var ahead = self
    ahead.advance()
    return ahead.token == .name("in")
  }

  private mutating func operations(
    _ signs: Set<String>, _ operand: (inout JinjaParser) throws(JinjaError) -> JinjaExpression
  ) throws(JinjaError) -> JinjaExpression {
    var left = try operand(&self)
    var count = 0
    while case .sign(let sign) = token, signs.contains(sign) {
      let line = line
      try link(&count)
      advance()
      left = JinjaExpression(kind: .operation(sign, left, try operand(&self)), line: line)
    }
    return left
  }

  private mutating func sum() throws(JinjaError) -> JinjaExpression {
    try operations(["+", "-"]) { parser throws(JinjaError) in
      try parser.operations(["~"]) { parser throws(JinjaError) in
        try parser.operations(["*", "/", "//", "%"]) { parser throws(JinjaError) in try parser.power() }
      }
    }
  }

  private mutating func power() throws(JinjaError) -> JinjaExpression {
    let value = try unary(filtered: true)
    if token == .sign("**") { throw .unsupported(construct: "**", line: line) }
    return value
  }

  private mutating func unary(filtered: Bool) throws(JinjaError) -> JinjaExpression {
    let line = line
    var value: JinjaExpression
    if take(sign: "-") {
      value = JinjaExpression(
        kind: .negative(try nested { parser throws(JinjaError) in try parser.unary(filtered: false) }),
        line: line)
    } else if take(sign: "+") {
      value = try nested { parser throws(JinjaError) in try parser.unary(filtered: false) }
    } else {
      value = try primary()
    }
    value = try postfix(value)
    return filtered ? try filters(value) : value
  }

  private mutating func primary() throws(JinjaError) -> JinjaExpression {
    let line = line
    func made(_ kind: JinjaExpression.Kind) -> JinjaExpression { JinjaExpression(kind: kind, line: line) }
    let first = token
    advance()
    switch first {
    case .name("true"), .name("True"): return made(.constant(.bool(true)))
    case .name("false"), .name("False"): return made(.constant(.bool(false)))
    case .name("none"), .name("None"): return made(.constant(.none))
    case .name(let name):
      guard !["and", "or", "in", "is", "if", "else"].contains(name) else {
        throw .syntax(found: name, line: line)
      }
      return made(.name(name))
    case .integer(let number): return made(.constant(.integer(number)))
    case .float(let number): return made(.constant(.float(number)))
    case .string(var text):
      while case .string(let more) = token {
        text += more
        advance()
      }
      return made(.constant(.string(text)))
    case .sign("("):
      if take(sign: ")") { return made(.tuple([])) }
      let value = try expression()
      guard token == .sign(",") else {
        try require(sign: ")")
        return value
      }
      advance()
      return made(.tuple([value] + (try elements(to: ")"))))
    case .sign("["): return made(.list(try elements(to: "]")))
    case .sign("{"):
      var pairs: [(JinjaExpression, JinjaExpression)] = []
      while !take(sign: "}") {
        let key = try expression()
        try require(sign: ":")
        pairs.append((key, try expression()))
        if token != .sign("}") { try require(sign: ",") }
      }
      return made(.dictionary(pairs))
    default: throw .syntax(found: first.shown, line: line)
    }
  }

  private mutating func elements(to end: String) throws(JinjaError) -> [JinjaExpression] {
    var all: [JinjaExpression] = []
    while !take(sign: end) {
      all.append(try expression())
      if token != .sign(end) { try require(sign: ",") }
    }
    return all
  }

  private mutating func postfix(_ start: JinjaExpression) throws(JinjaError) -> JinjaExpression {
    var value = start
    var count = 0
    while true {
      let line = line
      try link(&count)
      if take(sign: ".") {
        if case .integer(let index) = token {
          advance()
          let number = JinjaExpression(kind: .constant(.integer(index)), line: line)
          value = JinjaExpression(kind: .item(value, number), line: line)
        } else {
          value = JinjaExpression(kind: .attribute(value, try name()), line: line)
        }
      } else if take(sign: "[") {
        value = try subscripted(value, line)
      } else if take(sign: "(") {
        var call = JinjaCall(name: "", line: line)
        try arguments(&call)
        value = JinjaExpression(kind: .call(value, call), line: line)
      } else {
        return value
      }
    }
  }

  private mutating func subscripted(_ value: JinjaExpression, _ line: Int) throws(JinjaError)
    -> JinjaExpression
  {
    var parts: [JinjaExpression?] = [nil]
    while !take(sign: "]") {
      if take(sign: ":") {
        parts.append(nil)
      } else {
        parts[parts.count - 1] = try expression()
      }
    }
    switch parts.count {
    case 1:
      guard let index = parts[0] else { throw .syntax(found: "[]", line: line) }
      return JinjaExpression(kind: .item(value, index), line: line)
    case 2, 3:
      return JinjaExpression(
        kind: .slice(value, parts[0], parts[1], parts.count == 3 ? parts[2] : nil), line: line)
    default: throw .syntax(found: ":", line: line)
    }
  }

  /// Arguments up to the closing bracket.
  private mutating func arguments(_ call: inout JinjaCall) throws(JinjaError) {
    while !take(sign: ")") {
      if token == .sign("*") || token == .sign("**") {
        throw .unsupported(construct: "\(token.shown) before an argument", line: line)
      }
      if case .name(let name) = token, isBeforeAssignment {
        advance()
        advance()
        call.named.append((name, try expression()))
      } else {
        call.arguments.append(try expression())
      }
      if token != .sign(")") { try require(sign: ",") }
    }
  }

  private var isBeforeAssignment: Bool {
    var ahead = self
    ahead.advance()
    return ahead.token == .sign("=")
  }

  // MARK: Filters and tests

  /// Filters with `|` between, the first one's name next.
  mutating func filterChain() throws(JinjaError) -> [JinjaCall] {
    var filters = [try filter()]
    while take(sign: "|") { filters.append(try filter()) }
    return filters
  }

  private mutating func filter() throws(JinjaError) -> JinjaCall {
    let line = line
    var call = JinjaCall(name: try name(), line: line)
    if take(sign: "(") { try arguments(&call) }
    return call
  }

  private mutating func filters(_ start: JinjaExpression) throws(JinjaError) -> JinjaExpression {
    var value = start
    var count = 0
    while true {
      let line = line
      try link(&count)
      if take(sign: "|") {
        value = JinjaExpression(kind: .filter(value, try filter()), line: line)
      } else if take(word: "is") {
        let isNegated = take(word: "not")
        let test = JinjaExpression(kind: .test(value, try test()), line: line)
        value = isNegated ? JinjaExpression(kind: .not(test), line: line) : test
      } else if take(sign: "(") {
        // The result of a filter called, which no template does.
        throw .unsupported(construct: "a call of what a filter gives", line: line)
      } else {
        return value
      }
    }
  }

  private mutating func test() throws(JinjaError) -> JinjaCall {
    let line = line
    var call = JinjaCall(name: try name(), line: line)
    if take(sign: "(") {
      try arguments(&call)
      return call
    }
    switch token {
    case .name(let word) where ["else", "or", "and", "is", "if", "in", "not"].contains(word): break
    case .name, .string, .integer, .float, .sign("["), .sign("{"):
      call.arguments = [try postfix(try primary())]
    default: break
    }
    return call
  }
}
