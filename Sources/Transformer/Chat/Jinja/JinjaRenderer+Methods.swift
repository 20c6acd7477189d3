extension JinjaRenderer {
  static let dictionaryMethods: Set<String> = ["items", "keys", "values", "get"]
  static let stringMethods: Set<String> = [
    "strip", "lstrip", "rstrip", "startswith", "endswith", "split", "rsplit", "splitlines", "upper", "lower",
    "title",
    "capitalize", "replace", "join", "find", "count", "removeprefix", "removesuffix",
  ]

  /// Calls a method as Python has it.
  func method(
    _ name: String, of value: JinjaValue, _ arguments: [JinjaValue], _ named: [String: JinjaValue],
    _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    switch value {
    case .dictionary(let pairs):
      switch name {
      case "items": return .list(pairs.map { .tuple([$0.key, $0.value]) })
      case "keys": return .list(pairs.map(\.key))
      case "values": return .list(pairs.map(\.value))
      default:
        guard let key = arguments.first else { throw .wrongValue(what: "get without a key", line: line) }
        return pairs.first { $0.key == key }?.value ?? (arguments.count > 1 ? arguments[1] : .none)
      }
    case .list(let items), .tuple(let items):
      guard let wanted = arguments.first else { throw .wrongValue(what: "\(name) of nothing", line: line) }
      if name == "count" { return .integer(items.count { $0 == wanted }) }
      guard let place = items.firstIndex(where: { $0 == wanted }) else {
        throw .wrongValue(what: "index of what is not in the list", line: line)
      }
      return .integer(place)
    case .loop(let state):
      guard !arguments.isEmpty else { throw .wrongValue(what: "cycle of nothing", line: line) }
      return arguments[state.index % arguments.count]
    case .string(let text): return try method(name, ofText: text, arguments, named, line)
    default: throw .wrongValue(what: "\(value.kind) has no \(name)", line: line)
    }
  }

  private func method(
    _ name: String, ofText text: String, _ arguments: [JinjaValue], _ named: [String: JinjaValue], _ line: Int
  ) throws(JinjaError) -> JinjaValue {
    func string(_ index: Int) throws(JinjaError) -> String {
      guard index < arguments.count, case .string(let argument) = arguments[index] else {
        throw .wrongValue(what: "\(name) takes a string", line: line)
      }
      return argument
    }
    /// Whether one of several texts, or the one, is right.
    func isAny(_ holds: (String) -> Bool) throws(JinjaError) -> JinjaValue {
      guard case .tuple(let items)? = arguments.first else { return .bool(holds(try string(0))) }
      return .bool(items.contains { holds($0.printed) })
    }
    let characters: String?
    if case .string(let listed)? = arguments.first { characters = listed } else { characters = nil }
    switch name {
    case "strip": return .string(text.stripped(of: characters))
    case "lstrip": return .string(text.stripped(of: characters, right: false))
    case "rstrip": return .string(text.stripped(of: characters, left: false))
    case "startswith": return try isAny { text.utf8.starts(with: $0.utf8) }
    case "endswith": return try isAny { text.utf8.reversed().starts(with: $0.utf8.reversed()) }
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "title": return .string(text.titled)
    case "capitalize": return .string(text.prefix(1).uppercased() + text.dropFirst().lowercased())
    case "splitlines":
      var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
        String($0)
      }
      if lines.last == "" { lines.removeLast() }
      return .list(lines.map { .string($0) })
    case "split", "rsplit":
      let limit = (arguments.count > 1 ? arguments[1] : named["maxsplit"])?.wholeNumber
      guard let separator = characters else {
        guard limit == nil, name == "split" else {
          throw .unsupported(construct: "\(name) at white space with a limit", line: line)
        }
        let words = text.unicodeScalars.split { $0.isPythonSpace }
        return .list(words.map { .string(String($0)) })
      }
      guard !separator.isEmpty else { throw .wrongValue(what: "split at nothing", line: line) }
      return .list(text.pieces(between: separator, limit, fromRight: name == "rsplit").map { .string($0) })
    case "replace":
      let limit = (arguments.count > 2 ? arguments[2] : named["count"])?.wholeNumber
      let old = try string(0)
      guard !old.isEmpty else { throw .unsupported(construct: "replace of nothing", line: line) }
      return .string(text.pieces(between: old, limit, fromRight: false).joined(separator: try string(1)))
    case "join":
      return .string(
        try elements(of: arguments.first ?? .undefined("join"), line).map(\.printed).joined(separator: text))
    case "find":
      guard let offset = text.byteOffset(of: try string(0)) else { return .integer(-1) }
      return .integer(String(decoding: Array(text.utf8)[..<offset], as: UTF8.self).unicodeScalars.count)
    case "count":
      let part = try string(0)
      return .integer(
        part.isEmpty
          ? text.unicodeScalars.count + 1 : text.pieces(between: part, nil, fromRight: false).count - 1)
    case "removeprefix":
      let part = try string(0)
      return .string(
        text.utf8.starts(with: part.utf8)
          ? String(decoding: text.utf8.dropFirst(part.utf8.count), as: UTF8.self) : text)
    case "removesuffix":
      let part = try string(0)
      let ends = text.utf8.reversed().starts(with: part.utf8.reversed())
      return .string(ends ? String(decoding: text.utf8.dropLast(part.utf8.count), as: UTF8.self) : text)
    default: throw .unsupported(construct: ".\(name)()", line: line)
    }
  }
}

extension String {
  /// Without white space, or the characters of a list, at its ends.
  func stripped(of characters: String? = nil, left: Bool = true, right: Bool = true) -> String {
    let listed = characters.map { Set($0.unicodeScalars) }
    func isUnwanted(_ scalar: Unicode.Scalar) -> Bool { listed?.contains(scalar) ?? scalar.isPythonSpace }
    var rest = unicodeScalars[...]
    if left { rest = rest.drop(while: isUnwanted) }
    if right { while let last = rest.last, isUnwanted(last) { rest.removeLast() } }
    return String(rest)
  }

  /// What stands between a text, at most so many of them taken.
  func pieces(between separator: String, _ limit: Int?, fromRight: Bool) -> [String] {
    let (bytes, separator) = (Array(utf8), Array(separator.utf8))
    var places: [Int] = []
    var place = 0
    while place + separator.count <= bytes.count {
      if bytes[place...].starts(with: separator) {
        places.append(place)
        place += separator.count
      } else {
        place += 1
      }
    }
    if let limit, limit >= 0, places.count > limit {
      places = Array(fromRight ? places.suffix(limit) : places.prefix(limit))
    }
    var pieces: [String] = []
    var start = 0
    for place in places {
      pieces.append(String(decoding: bytes[start..<place], as: UTF8.self))
      start = place + separator.count
    }
    return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
  }

  /// A capital after everything that is no letter.
  var titled: String {
    var result = ""
    var isInside = false
    for character in self {
      result += isInside ? character.lowercased() : character.uppercased()
      isInside = character.isLetter
    }
    return result
  }
}
