extension JinjaRenderer {
  mutating func evaluate(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
    let line = expression.line
    try step(line)
    try enter(line)
    defer { leave() }
    switch expression.kind {
    case .constant(let value): return value
    case .name(let name): return value(of: name)
    case .list(let items): return .list(try evaluate(items))
    case .tuple(let items): return .tuple(try evaluate(items))
    case .dictionary(let pairs):
      var result: [(key: JinjaValue, value: JinjaValue)] = []
      for (key, value) in pairs {
        let pair = (key: try evaluate(key), value: try evaluate(value))
        result.removeAll { $0.key == pair.key }
        result.append(pair)
      }
      return .dictionary(result)
    case .attribute(let base, let name): return try attribute(name, of: try evaluate(base), line)
    case .item(let base, let index): return try item(try evaluate(index), of: try evaluate(base), line)
    case .slice(let base, let start, let stop, let stride):
      let bounds = [try bound(start), try bound(stop), try bound(stride)]
      return try slice(try evaluate(base), bounds, line)
    case .call(let function, let call):
      return try self.call(
        try evaluate(function), try evaluate(call.arguments), try evaluate(named: call), line)
    case .filter(let value, let call): return try apply(call, to: try evaluate(value))
    case .test(let value, let call):
      return .bool(try test(call.name, try evaluate(value), try evaluate(call.arguments), call.line))
    case .not(let value): return .bool(!(try evaluate(value).isTrue))
    case .and(let one, let other):
      let first = try evaluate(one)
      return first.isTrue ? try evaluate(other) : first
    case .or(let one, let other):
      let first = try evaluate(one)
      return first.isTrue ? first : try evaluate(other)
    case .comparison(let first, let rest):
      var left = try evaluate(first)
      for (sign, operand) in rest {
        let right = try evaluate(operand)
        guard try compare(sign, left, right, line) else { return .bool(false) }
        left = right
      }
      return .bool(true)
    case .operation(let sign, let one, let other):
      return try operate(sign, try evaluate(one), try evaluate(other), line)
    case .negative(let value):
      switch try evaluate(value) {
      case .integer(let number): return .integer(-number)
      case .float(let number): return .float(-number)
      case let other: throw .wrongValue(what: "- of \(other.kind)", line: line)
      }
    case .choice(let value, let condition, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(value) }
      return try otherwise.map { expression throws(JinjaError) in try evaluate(expression) }
        ?? .undefined("else")
    }
  }

  mutating func evaluate(_ expressions: [JinjaExpression]) throws(JinjaError) -> [JinjaValue] {
    var values: [JinjaValue] = []
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  mutating func evaluate(named call: JinjaCall) throws(JinjaError) -> [String: JinjaValue] {
    var values: [String: JinjaValue] = [:]
    for (name, expression) in call.named { values[name] = try evaluate(expression) }
    return values
  }

  // MARK: Parts of values

  func attribute(_ name: String, of value: JinjaValue, _ line: Int) throws(JinjaError) -> JinjaValue {
    switch value {
    case .dictionary:
      return Self.dictionaryMethods.contains(name)
        ? .method(value, name) : value[name] ?? .undefined(name)
    case .string: return Self.stringMethods.contains(name) ? .method(value, name) : .undefined(name)
    case .list, .tuple: return ["index", "count"].contains(name) ? .method(value, name) : .undefined(name)
    case .namespace(let space): return space.members[name] ?? .undefined(name)
    case .loop(let state):
      return state[name] ?? (name == "cycle" ? .method(value, name) : .undefined("loop.\(name)"))
    case .undefined(let base):
      throw .wrongValue(what: "“\(base)” is not defined and has no “\(name)”", line: line)
    default: return .undefined(name)
    }
  }

  private func item(_ index: JinjaValue, of value: JinjaValue, _ line: Int) throws(JinjaError) -> JinjaValue {
    func place(_ count: Int) -> Int? {
      guard let number = index.wholeNumber else { return nil }
      let place = number < 0 ? number + count : number
      return (0..<count).contains(place) ? place : nil
    }
    switch value {
    case .dictionary(let pairs):
      if let found = pairs.first(where: { $0.key == index }) { return found.value }
    case .list(let items), .tuple(let items):
      if let place = place(items.count) { return items[place] }
    case .string(let text):
      let scalars = Array(text.unicodeScalars)
      if let place = place(scalars.count) { return .string(String(scalars[place])) }
    case .undefined(let base):
      throw .wrongValue(what: "“\(base)” is not defined and has no “\(index.printed)”", line: line)
    default: break
    }
    if case .string(let name) = index { return try attribute(name, of: value, line) }
    return .undefined(index.printed)
  }

  private mutating func bound(_ expression: JinjaExpression?) throws(JinjaError) -> Int? {
    guard let expression else { return nil }
    switch try evaluate(expression) {
    case .none: return nil
    case let value:
      guard let number = value.wholeNumber else {
        throw .wrongValue(what: "\(value.kind) is no place", line: expression.line)
      }
      return number
    }
  }

  private func slice(_ value: JinjaValue, _ bounds: [Int?], _ line: Int) throws(JinjaError) -> JinjaValue {
    func places(_ count: Int) throws(JinjaError) -> [Int] {
      let stride = bounds[2] ?? 1
      guard stride != 0 else { throw .wrongValue(what: "a stride of zero", line: line) }
      func clamped(_ bound: Int?, _ standard: Int) -> Int {
        guard let bound else { return standard }
        let place = bound < 0 ? bound + count : bound
        return stride > 0 ? min(max(place, 0), count) : min(max(place, -1), count - 1)
      }
      let start = clamped(bounds[0], stride > 0 ? 0 : count - 1)
      return Array(Swift.stride(from: start, to: clamped(bounds[1], stride > 0 ? count : -1), by: stride))
    }
    switch value {
    case .list(let items): return .list(try places(items.count).map { items[$0] })
    case .tuple(let items): return .tuple(try places(items.count).map { items[$0] })
    case .string(let text):
      let scalars = Array(text.unicodeScalars)
      return .string(String(String.UnicodeScalarView(try places(scalars.count).map { scalars[$0] })))
    default: throw .wrongValue(what: "\(value.kind) cannot be cut", line: line)
    }
  }

  // MARK: Operations

  func compare(_ sign: String, _ one: JinjaValue, _ other: JinjaValue, _ line: Int) throws(JinjaError) -> Bool
  {
    switch sign {
    case "==": return one == other
    case "!=": return !(one == other)
    case "in": return try isIn(one, other, line)
    case "not in": return !(try isIn(one, other, line))
    default: break
    }
    let isLess: Bool
    let isSame: Bool
    switch (one, other) {
    case (.string(let a), .string(let b)):
      isLess = a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
      isSame = one == other
    default:
      guard let a = one.number, let b = other.number else {
        throw .wrongValue(what: "\(one.kind) \(sign) \(other.kind)", line: line)
      }
      (isLess, isSame) = (a < b, a == b)
    }
    switch sign {
    case "<": return isLess
    case "<=": return isLess || isSame
    case ">": return !isLess && !isSame
    default: return !isLess
    }
  }

  private func isIn(_ one: JinjaValue, _ other: JinjaValue, _ line: Int) throws(JinjaError) -> Bool {
    if case .string(let text) = other {
      guard case .string(let part) = one else {
        throw .wrongValue(what: "\(one.kind) in a string", line: line)
      }
      return text.byteOffset(of: part) != nil
    }
    return try elements(of: other, line).contains { $0 == one }
  }

  private func operate(
    _ sign: String, _ one: JinjaValue, _ other: JinjaValue, _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    if sign == "~" { return .string(one.printed + other.printed) }
    switch (sign, one, other) {
    case ("+", .string(let a), .string(let b)): return .string(a + b)
    case ("+", .list(let a), .list(let b)): return .list(a + b)
    case ("*", .string(let text), .integer(let count)):
      guard count < 1 << 16, text.utf8.count < 1 << 16 else { throw .tooLong(line: line) }
      return .string(String(repeating: text, count: max(count, 0)))
    case ("%", .string, _): throw .unsupported(construct: "% with a string", line: line)
    default: break
    }
    if let a = one.wholeNumber, let b = other.wholeNumber, sign != "/" {
      guard let result = whole(sign, a, b) else {
        throw .wrongValue(what: "\(a) \(sign) \(b)", line: line)
      }
      return .integer(result)
    }
    guard let a = one.number, let b = other.number, b != 0 || ["+", "-", "*"].contains(sign) else {
      throw .wrongValue(what: "\(one.kind) \(sign) \(other.kind)", line: line)
    }
    switch sign {
    case "+": return .float(a + b)
    case "-": return .float(a - b)
    case "*": return .float(a * b)
    case "/": return .float(a / b)
    case "//": return .float((a / b).rounded(.down))
    default: return .float(a - b * (a / b).rounded(.down))
    }
  }

  private func whole(_ sign: String, _ a: Int, _ b: Int) -> Int? {
    func checked(_ result: (partialValue: Int, overflow: Bool)) -> Int? {
      result.overflow ? nil : result.partialValue
    }
    switch sign {
    case "+": return checked(a.addingReportingOverflow(b))
    case "-": return checked(a.subtractingReportingOverflow(b))
    case "*": return checked(a.multipliedReportingOverflow(by: b))
    default:
      // Rounded down, as in Python.
      guard b != 0, let quotient = checked(a.dividedReportingOverflow(by: b)) else { return nil }
      let rest = a - quotient * b
      let isBelow = rest != 0 && (rest < 0) != (b < 0)
      return sign == "//" ? quotient - (isBelow ? 1 : 0) : rest + (isBelow ? b : 0)
    }
  }

  // MARK: Calls

  private mutating func call(
    _ function: JinjaValue, _ arguments: [JinjaValue], _ named: [String: JinjaValue], _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    switch function {
    case .macro(let macro): return try call(macro, arguments, named, line)
    case .method(let value, let name): return try method(name, of: value, arguments, named, line)
    case .function("raise_exception"): throw .raised(message: arguments.first?.printed ?? "")
    case .function("strftime_now"): return .string(now(arguments.first?.printed ?? ""))
    case .function("namespace"), .function("dict"):
      var members = named
      for case .dictionary(let pairs) in arguments {
        for pair in pairs { members[pair.key.printed] = pair.value }
      }
      if case .function("namespace") = function { return .namespace(JinjaNamespace(members)) }
      return .dictionary(members.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) })
    case .function("range"):
      let numbers = arguments.compactMap(\.wholeNumber)
      guard numbers.count == arguments.count, (1...3).contains(numbers.count),
        numbers.count < 3 || numbers[2] != 0
      else {
        throw .wrongValue(what: "range of something that is no number", line: line)
      }
      let (start, stop) = numbers.count == 1 ? (0, numbers[0]) : (numbers[0], numbers[1])
      let stride = numbers.count == 3 ? numbers[2] : 1
      guard abs(stop.subtractingReportingOverflow(start).partialValue / stride) <= 100_000 else {
        throw .tooLong(line: line)
      }
      return .list(Swift.stride(from: start, to: stop, by: stride).map { .integer($0) })
    default: throw .wrongValue(what: "\(function.kind) cannot be called", line: line)
    }
  }
}

extension String {
  /// Where a part first begins, in bytes.
  func byteOffset(of part: String, from start: Int = 0) -> Int? {
    let (whole, part) = (Array(utf8), Array(part.utf8))
    guard part.count <= whole.count else { return nil }
    return (start..<max(whole.count - part.count + 1, start)).first { whole[$0...].starts(with: part) }
  }
}
