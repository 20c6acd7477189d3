extension JinjaRenderer {
  /// A filter of Jinja, or `tojson` as transformers has it.
  ///
  /// - Source: pallets/jinja `filters.py`; huggingface/transformers `utils/chat_template_utils.py`.
  mutating func apply(_ call: JinjaCall, to value: JinjaValue) throws(JinjaError) -> JinjaValue {
    let arguments = try evaluate(call.arguments)
    let named = try evaluate(named: call)
    return try apply(call.name, to: value, arguments, named, call.line)
  }

  private mutating func apply(
    _ name: String, to value: JinjaValue, _ arguments: [JinjaValue], _ named: [String: JinjaValue],
    _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    func argument(_ index: Int, _ key: String) -> JinjaValue? {
      index < arguments.count ? arguments[index] : named[key]
    }
    switch name {
    case "trim": return .string(value.printed.stripped(of: argument(0, "chars").flatMap(\.text)))
    case "upper": return .string(value.printed.uppercased())
    case "lower": return .string(value.printed.lowercased())
    case "title": return .string(value.printed.titled)
    case "capitalize":
      return .string(value.printed.prefix(1).uppercased() + value.printed.dropFirst().lowercased())
    case "string": return .string(value.printed)
    case "safe": return value
    case "replace":
      guard let old = argument(0, "old")?.printed, !old.isEmpty, let new = argument(1, "new")?.printed else {
        throw .wrongValue(what: "replace takes two texts", line: line)
      }
      let limit = argument(2, "count")?.wholeNumber
      return .string(value.printed.pieces(between: old, limit, fromRight: false).joined(separator: new))
    case "length", "count":
      switch value {
      case .string(let text): return .integer(text.unicodeScalars.count)
      default: return .integer(try elements(of: value, line).count)
      }
    case "default", "d":
      let countsFalse = argument(1, "boolean")?.isTrue ?? false
      if case .undefined = value { return argument(0, "default_value") ?? .string("") }
      return countsFalse && !value.isTrue ? argument(0, "default_value") ?? .string("") : value
    case "int":
      if let number = value.number, number.isFinite, abs(number) < 1e18 { return .integer(Int(number)) }
      return Int(value.printed.stripped()).map { .integer($0) } ?? argument(0, "default") ?? .integer(0)
    case "float":
      return .float(value.number ?? Double(value.printed.stripped()) ?? argument(0, "default")?.number ?? 0)
    case "abs":
      if let number = value.wholeNumber { return .integer(abs(number)) }
      guard let number = value.number else { throw .wrongValue(what: "abs of \(value.kind)", line: line) }
      return .float(abs(number))
    case "tojson":
      let separators: (String, String)?
      if case .tuple(let pair)? = named["separators"], pair.count == 2 {
        separators = (pair[0].printed, pair[1].printed)
      } else {
        separators = nil
      }
      if named["ensure_ascii"]?.isTrue == true {
        throw .unsupported(construct: "tojson(ensure_ascii=true)", line: line)
      }
      guard
        let text = value.json(
          indent: named["indent"]?.wholeNumber, separators: separators,
          sortsKeys: named["sort_keys"]?.isTrue ?? false)
      else { throw .wrongValue(what: "tojson of \(value.kind)", line: line) }
      return .string(text)
    case "indent":
      let width = argument(0, "width") ?? .integer(4)
      let space = width.text ?? String(repeating: " ", count: min(max(width.wholeNumber ?? 4, 0), 1000))
      let lines = value.printed.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
        String($0)
      }
      let (first, blank) = (argument(1, "first")?.isTrue ?? false, argument(2, "blank")?.isTrue ?? false)
      return .string(
        lines.enumerated().map { index, line in
          (index == 0 ? first : blank || !line.isEmpty) ? space + line : line
        }.joined(separator: "\n"))
    case "round":
      guard let number = value.number, argument(0, "precision")?.wholeNumber ?? 0 == 0, named["method"] == nil
      else {
        throw .unsupported(construct: "round with arguments", line: line)
      }
      return .float(number.rounded(.toNearestOrEven))
    default: return try applyToList(name, value, arguments, named, line)
    }
  }

  private mutating func applyToList(
    _ name: String, _ value: JinjaValue, _ arguments: [JinjaValue], _ named: [String: JinjaValue], _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    switch name {
    case "list": return .list(try elements(of: value, line))
    case "first": return try elements(of: value, line).first ?? .undefined("first")
    case "last": return try elements(of: value, line).last ?? .undefined("last")
    case "reverse":
      let reversed = Array(try elements(of: value, line).reversed())
      if case .string = value { return .string(reversed.map(\.printed).joined()) }
      return .list(reversed)
    case "join":
      var items = try elements(of: value, line)
      if let attribute = (arguments.count > 1 ? arguments[1] : named["attribute"])?.text {
        items = try each(items) { renderer, item throws(JinjaError) in
          try renderer.attribute(attribute, of: item, line)
        }
      }
      return .string(items.map(\.printed).joined(separator: (arguments.first ?? named["d"])?.printed ?? ""))
    case "unique":
      var seen: [JinjaValue] = []
      for item in try elements(of: value, line) where !seen.contains(where: { $0 == item }) {
        seen.append(item)
      }
      return .list(seen)
    case "items":
      if case .undefined = value { return .list([]) }
      return try method("items", of: value, [], [:], line)
    case "dictsort":
      guard case .dictionary(let pairs) = value, arguments.isEmpty, named.isEmpty else {
        throw .unsupported(construct: "dictsort with arguments", line: line)
      }
      return .list(
        pairs.sorted { $0.key.printed.lowercased() < $1.key.printed.lowercased() }.map {
          .tuple([$0.key, $0.value])
        })
    case "sum":
      let numbers = try elements(of: value, line).compactMap(\.wholeNumber)
      return .integer(numbers.reduce(0, &+))
    case "map":
      let items = try elements(of: value, line)
      if let attribute = named["attribute"] {
        let standard = named["default"]
        return .list(
          try each(items) { renderer, item throws(JinjaError) in
            let found = try renderer.attribute(attribute.printed, of: item, line)
            if case .undefined = found, let standard { return standard }
            return found
          })
      }
      guard let filter = arguments.first?.text else {
        throw .wrongValue(what: "map without a filter", line: line)
      }
      let rest = Array(arguments.dropFirst())
      return .list(
        try each(items) { renderer, item throws(JinjaError) in
          try renderer.apply(filter, to: item, rest, named, line)
        })
    case "select", "reject", "selectattr", "rejectattr":
      return try selected(name, value, arguments, line)
    default: throw .unsupported(construct: "the filter \(name)", line: line)
    }
  }

  private mutating func each(
    _ items: [JinjaValue], _ body: (inout JinjaRenderer, JinjaValue) throws(JinjaError) -> JinjaValue
  ) throws(JinjaError) -> [JinjaValue] {
    var results: [JinjaValue] = []
    for item in items { results.append(try body(&self, item)) }
    return results
  }

  /// Those for which a test holds, of themselves or of an attribute.
  private mutating func selected(
    _ name: String, _ value: JinjaValue, _ arguments: [JinjaValue], _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    var arguments = arguments[...]
    var attribute: String?
    if name.hasSuffix("attr") {
      guard let first = arguments.popFirst()?.text else {
        throw .wrongValue(what: "\(name) without an attribute", line: line)
      }
      attribute = first
    }
    let test = arguments.popFirst()?.printed
    var kept: [JinjaValue] = []
    for item in try elements(of: value, line) {
      let subject =
        try attribute.map { name throws(JinjaError) in try self.attribute(name, of: item, line) } ?? item
      let holds =
        try test.map { name throws(JinjaError) in try self.test(name, subject, Array(arguments), line) }
        ?? subject.isTrue
      if holds == name.hasPrefix("select") { kept.append(item) }
    }
    return .list(kept)
  }

  // MARK: Tests

  /// A test of Jinja.
  ///
  /// - Source: pallets/jinja `tests.py`.
  func test(_ name: String, _ value: JinjaValue, _ arguments: [JinjaValue], _ line: Int) throws(JinjaError)
    -> Bool
  {
    func argument() throws(JinjaError) -> JinjaValue {
      guard let first = arguments.first else {
        throw .wrongValue(what: "the test \(name) of nothing", line: line)
      }
      return first
    }
    func number() throws(JinjaError) -> Int {
      guard let number = value.wholeNumber else {
        throw .wrongValue(what: "\(value.kind) is no number", line: line)
      }
      return number
    }
    switch (name, value) {
    case ("defined", .undefined): return false
    case ("defined", _): return true
    case ("undefined", .undefined): return true
    case ("undefined", _): return false
    case ("none", .none): return true
    case ("true", .bool(let truth)): return truth
    case ("false", .bool(let truth)): return !truth
    case ("boolean", .bool), ("string", .string), ("integer", .integer), ("float", .float),
      ("mapping", .dictionary):
      return true
    case ("number", .bool), ("number", .integer), ("number", .float): return true
    case ("sequence", .list), ("sequence", .tuple), ("sequence", .string), ("sequence", .dictionary),
      ("sequence", .undefined):
      return true
    case ("iterable", .list), ("iterable", .tuple), ("iterable", .string), ("iterable", .dictionary),
      ("iterable", .undefined):
      return true
    case ("callable", .macro), ("callable", .function), ("callable", .method): return true
    case ("none", _), ("true", _), ("false", _), ("boolean", _), ("string", _), ("integer", _), ("float", _),
      ("mapping", _),
      ("number", _), ("sequence", _), ("iterable", _), ("callable", _):
      return false
    case ("equalto", _), ("eq", _), ("sameas", _): return value == (try argument())
    case ("ne", _): return !(value == (try argument()))
    case ("in", _): return try compare("in", value, try argument(), line)
    case ("lt", _), ("lessthan", _): return try compare("<", value, try argument(), line)
    case ("le", _): return try compare("<=", value, try argument(), line)
    case ("gt", _), ("greaterthan", _): return try compare(">", value, try argument(), line)
    case ("ge", _): return try compare(">=", value, try argument(), line)
    case ("odd", _): return try number() % 2 != 0
    case ("even", _): return try number() % 2 == 0
    case ("divisibleby", _):
      guard let by = try argument().wholeNumber, by != 0 else {
        throw .wrongValue(what: "divisible by \(try argument().printed)", line: line)
      }
      return try number() % by == 0
    case ("upper", .string(let text)): return text == text.uppercased() && text != text.lowercased()
    case ("lower", .string(let text)): return text == text.lowercased() && text != text.uppercased()
    default: throw .unsupported(construct: "the test \(name)", line: line)
    }
  }
}

extension JinjaValue {
  /// A string's text.
  var text: String? { if case .string(let text) = self { text } else { nil } }
}
