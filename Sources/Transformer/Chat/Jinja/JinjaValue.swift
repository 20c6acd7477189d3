internal import ModelFiles

/// A value of a template. Lists and dictionaries cannot be changed in place: chat templates are run in a sandbox that forbids it.
indirect enum JinjaValue {
  /// What does not exist, under this name.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  case list([JinjaValue])
  /// A list that prints with round brackets.
  case tuple([JinjaValue])
  /// In the order of insertion.
  case dictionary([(key: JinjaValue, value: JinjaValue)])
  case namespace(JinjaNamespace)
  case macro(JinjaMacro)
  case function(String)
  /// A method of a value.
  case method(JinjaValue, String)
  case loop(JinjaLoopState)

  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .string(let text): self = .string(text)
    default:
      if let integer = json.integer {
        self = .integer(integer)
      } else if let elements = json.elements {
        self = .list(elements.map { JinjaValue($0) })
      } else if let members = json.members {
        self = .dictionary(members.map { (.string($0.key), JinjaValue($0.value)) })
      } else {
        self = .float(json.number ?? .nan)
      }
    }
  }

  /// The name of its kind, as messages have it.
  var kind: String {
    switch self {
    case .undefined(let name): "“\(name)”, which is not defined"
    case .none: "none"
    case .bool: "a truth value"
    case .integer, .float: "a number"
    case .string: "a string"
    case .list, .tuple: "a list"
    case .dictionary: "a dictionary"
    case .namespace: "a namespace"
    case .macro, .function, .method: "a function"
    case .loop: "a loop"
    }
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .float(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let items), .tuple(let items): !items.isEmpty
    case .dictionary(let pairs): !pairs.isEmpty
    case .namespace, .macro, .function, .method, .loop: true
    }
  }

  /// Truth values count as 0 and 1.
  var number: Double? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): Double(value)
    case .float(let value): value
    default: nil
    }
  }
  var wholeNumber: Int? {
    switch self {
    case .bool(let value): value ? 1 : 0
    case .integer(let value): value
    default: nil
    }
  }

  static func == (one: JinjaValue, other: JinjaValue) -> Bool {
    switch (one, other) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return a.count == b.count && zip(a, b).allSatisfy { $0 == $1 }
    case (.dictionary(let a), .dictionary(let b)):
      return a.count == b.count
        && a.allSatisfy { pair in b.contains { $0.key == pair.key && $0.value == pair.value } }
    default:
      guard let a = one.number, let b = other.number else { return false }
      return a == b
    }
  }

  /// A member of a dictionary.
  subscript(key: String) -> JinjaValue? {
    guard case .dictionary(let pairs) = self else { return nil }
    return pairs.first { $0.key == .string(key) }?.value
  }
}

/// `namespace(...)`: the one thing that a template may change from within a loop.
final class JinjaNamespace {
  var members: [String: JinjaValue]
  init(_ members: [String: JinjaValue]) { self.members = members }
}

/// `loop`.
struct JinjaLoopState {
  let items: [JinjaValue]
  let index: Int

  subscript(name: String) -> JinjaValue? {
    switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "revindex": .integer(items.count - index)
    case "revindex0": .integer(items.count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == items.count - 1)
    case "length": .integer(items.count)
    case "previtem": index > 0 ? items[index - 1] : .undefined("loop.previtem")
    case "nextitem": index + 1 < items.count ? items[index + 1] : .undefined("loop.nextitem")
    default: nil
    }
  }
}

// MARK: Text

extension JinjaValue {
  /// As `{{ }}` prints it.
  var printed: String {
    switch self {
    case .undefined: ""
    case .string(let text): text
    default: represented
    }
  }

  /// As `repr` of Python writes it.
  var represented: String {
    switch self {
    case .undefined: return "Undefined"
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .integer(let value): return "\(value)"
    case .float(let value):
      return value == value.rounded() && abs(value) < 1e16 ? "\(Int(value)).0" : "\(value)"
    case .string(let text): return Self.quoted(text)
    case .tuple(let items):
      return "(" + items.map(\.represented).joined(separator: ", ") + (items.count == 1 ? ",)" : ")")
    case .list(let items): return "[" + items.map(\.represented).joined(separator: ", ") + "]"
    case .dictionary(let pairs):
      return "{" + pairs.map { $0.key.represented + ": " + $0.value.represented }.joined(separator: ", ")
        + "}"
    case .namespace: return "<Namespace>"
    case .macro(let macro): return "<Macro \(macro.name)>"
    case .function(let name), .method(_, let name): return "<function \(name)>"
    case .loop: return "<LoopContext>"
    }
  }

  private static func quoted(_ text: String) -> String {
    let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView([quote])
    for scalar in text.unicodeScalars {
      switch scalar {
      case quote, "\\": result.append(contentsOf: ["\\", scalar])
      case "\n": result.append(contentsOf: ["\\", "n"])
      case "\r": result.append(contentsOf: ["\\", "r"])
      case "\t": result.append(contentsOf: ["\\", "t"])
      default: result.append(scalar)
      }
    }
    result.append(quote)
    return String(result)
  }

  /// As `json.dumps` writes it, but for characters beyond ASCII, which stay. `nil` for what JSON has not.
  ///
  /// - Parameter indent: spaces of each level; `nil` for one line.
  func json(indent: Int?, level: Int = 0, separators: (String, String)? = nil, sortsKeys: Bool = false)
    -> String?
  {
    let (comma, colon) = separators ?? (indent == nil ? ", " : ",", ": ")
    func wrapped(_ parts: [String], _ open: String, _ close: String) -> String {
      guard !parts.isEmpty else { return open + close }
      guard let indent else { return open + parts.joined(separator: comma) + close }
      let inner = "\n" + String(repeating: " ", count: indent * (level + 1))
      let outer = "\n" + String(repeating: " ", count: indent * level)
      return open + inner + parts.joined(separator: comma + inner) + outer + close
    }
    func inside(_ value: JinjaValue) -> String? {
      value.json(indent: indent, level: level + 1, separators: separators, sortsKeys: sortsKeys)
    }
    switch self {
    case .none: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer, .float: return represented
    case .string(let text): return Self.escaped(text)
    case .list(let items), .tuple(let items):
      let parts = items.compactMap(inside)
      return parts.count == items.count ? wrapped(parts, "[", "]") : nil
    case .dictionary(let pairs):
      let sorted = sortsKeys ? pairs.sorted { $0.key.printed < $1.key.printed } : pairs
      let parts = sorted.compactMap { pair in
        inside(pair.value).map { Self.escaped(pair.key.printed) + colon + $0 }
      }
      return parts.count == pairs.count ? wrapped(parts, "{", "}") : nil
    default: return nil
    }
  }

  private static func escaped(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
