/// Runs a template.
///
/// A value that does not exist prints as nothing and is false, as Jinja has it by default; whatever else a value cannot do is an error with
/// its line.
struct JinjaRenderer {
  /// What `strftime_now` gives for a format.
  let now: @Sendable (String) -> String
  /// The template's names first, then those of each loop and macro inside.
  private var scopes: [[String: JinjaValue]]
  private(set) var output = ""
  private var stepCount = 0
  private var depth = 0

  // Real templates take some thousands of steps.
  private static let stepLimit = 250_000
  private static let byteLimit = 4 << 20
  // Of statements, expressions and macros inside one another; real templates stay below thirty.
  private static let depthLimit = 100
  static let functions: Set<String> = ["raise_exception", "strftime_now", "range", "namespace", "dict"]

  static func render(
    _ statements: [JinjaStatement], _ names: [String: JinjaValue], now: @escaping @Sendable (String) -> String
  ) throws(JinjaError) -> String {
    var renderer = JinjaRenderer(now: now, scopes: [names])
    _ = try renderer.run(statements)
    return renderer.output
  }

  private init(now: @escaping @Sendable (String) -> String, scopes: [[String: JinjaValue]]) {
    self.now = now
    self.scopes = scopes
  }

  /// What a body asks of the loop around it.
  private enum Flow { case on, leave, again }

  /// Counts against endless templates.
  mutating func step(_ line: Int) throws(JinjaError) {
    stepCount += 1
    guard stepCount <= Self.stepLimit, output.utf8.count <= Self.byteLimit else { throw .tooLong(line: line) }
  }

  /// Counts against endless recursion.
  mutating func enter(_ line: Int) throws(JinjaError) {
    depth += 1
    guard depth <= Self.depthLimit else { throw .tooLong(line: line) }
  }
  mutating func leave() { depth -= 1 }

  func value(of name: String) -> JinjaValue {
    for scope in scopes.reversed() { if let value = scope[name] { return value } }
    return Self.functions.contains(name) ? .function(name) : .undefined(name)
  }

  private mutating func run(_ statements: [JinjaStatement]) throws(JinjaError) -> Flow {
    try enter(statements.first?.line ?? 0)
    defer { leave() }
    for statement in statements {
      try step(statement.line)
      switch statement.kind {
      case .text(let text): output += text
      case .output(let expression): output += try evaluate(expression).printed
      case .group(let body):
        let flow = try run(body)
        if flow != .on { return flow }
      case .branches(let branches):
        for branch in branches {
          if let condition = branch.condition, !(try evaluate(condition).isTrue) { continue }
          let flow = try run(branch.body)
          if flow != .on { return flow }
          break
        }
      case .loop(let loop): try run(loop, statement.line)
      case .assign(let target, let expression):
        try assign(try evaluate(expression), to: target, statement.line)
      case .capture(let target, let filters, let body):
        try assign(try filtered(.string(try printed(body)), filters), to: target, statement.line)
      case .filtered(let filters, let body):
        output += try filtered(.string(try printed(body)), filters).printed
      case .macro(let macro): scopes[scopes.count - 1][macro.name] = .macro(macro)
      case .leave: return .leave
      case .again: return .again
      }
    }
    return .on
  }

  /// What a body prints.
  private mutating func printed(_ body: [JinjaStatement]) throws(JinjaError) -> String {
    let before = output
    output = ""
    scopes.append([:])
    _ = try run(body)
    scopes.removeLast()
    defer { output = before }
    return output
  }

  private mutating func filtered(_ start: JinjaValue, _ filters: [JinjaCall]) throws(JinjaError) -> JinjaValue
  {
    var value = start
    for filter in filters { value = try apply(filter, to: value) }
    return value
  }

  private mutating func run(_ loop: JinjaLoop, _ line: Int) throws(JinjaError) {
    var items = try elements(of: try evaluate(loop.items), line)
    if let condition = loop.condition {
      var kept: [JinjaValue] = []
      for item in items {
        try step(line)
        scopes.append([:])
        try assign(item, to: loop.target, line)
        if try evaluate(condition).isTrue { kept.append(item) }
        scopes.removeLast()
      }
      items = kept
    }
    for (index, item) in items.enumerated() {
      // Also where the body has no statements: loops in loops would else go on for hours.
      try step(line)
      scopes.append(["loop": .loop(JinjaLoopState(items: items, index: index))])
      try assign(item, to: loop.target, line)
      let flow = try run(loop.body)
      scopes.removeLast()
      if flow == .leave { break }
    }
    if items.isEmpty { _ = try run(loop.otherwise) }
  }

  private mutating func assign(_ value: JinjaValue, to target: JinjaTarget, _ line: Int) throws(JinjaError) {
    switch target {
    case .name(let name): scopes[scopes.count - 1][name] = value
    case .member(let name, let member):
      guard case .namespace(let space) = self.value(of: name) else {
        throw .wrongValue(what: "\(name) is no namespace", line: line)
      }
      space.members[member] = value
    case .several(let targets):
      let items = try elements(of: value, line)
      guard items.count == targets.count else {
        throw .wrongValue(what: "\(items.count) values for \(targets.count) names", line: line)
      }
      for (target, item) in zip(targets, items) { try assign(item, to: target, line) }
    }
  }

  /// What a loop goes over.
  func elements(of value: JinjaValue, _ line: Int) throws(JinjaError) -> [JinjaValue] {
    switch value {
    case .list(let items), .tuple(let items): return items
    case .dictionary(let pairs): return pairs.map(\.key)
    case .string(let text): return text.unicodeScalars.map { .string(String($0)) }
    case .undefined: return []
    default: throw .wrongValue(what: "\(value.kind) cannot be gone through", line: line)
    }
  }

  /// Calls a macro: it sees the template's names and its own.
  mutating func call(
    _ macro: JinjaMacro, _ arguments: [JinjaValue], _ named: [String: JinjaValue], _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    guard arguments.count <= macro.parameters.count else {
      throw .wrongValue(what: "\(macro.name) takes \(macro.parameters.count) arguments", line: line)
    }
    let outer = scopes
    scopes = [outer[0], [:]]
    defer { scopes = outer }
    for (index, parameter) in macro.parameters.enumerated() {
      let given = index < arguments.count ? arguments[index] : named[parameter.name]
      let value: JinjaValue
      if let given {
        value = given
      } else if let standard = parameter.standard {
        value = try evaluate(standard)
      } else {
        value = .undefined(parameter.name)
      }
      scopes[1][parameter.name] = value
    }
    return .string(try printed(macro.body))
  }
}
