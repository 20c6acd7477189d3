import Floor
import ModelFiles

/// Changes of a JSON text that leave it one: a value is replaced by an unwelcome one, doubled, moved, renamed or taken out.
enum JSONChange {
  private static let numbers: [JSONValue] = [
    0, 1, -1, 2, 255, 65536, 4_294_967_295, .integer(1 << 31), .integer(1 << 53), .integer(.max),
    .integer(.min), .number(1e300),
    .number(-1e300), .number(1e19), .number(0.5), .number(5e-324), .number(-0.0),
  ]
  private static let others: [JSONValue] = [
    .null, .bool(true), .bool(false), "", "{}", "a", "../a", "/dev/null", "\u{0}", "é中", "\u{1B}[2J", [],
    .object([]),
    .string(String(repeating: "x", count: 300)), .array(Array(repeating: 0, count: 40)),
  ]

  /// A changed text; `nil` where it is no JSON.
  static func changed(_ bytes: [UInt8], _ draw: inout Draw) -> [UInt8]? {
    guard let value = try? JSONValue(parsing: bytes) else { return nil }
    var left = draw.below(max(count(value), 1))
    return Array(change(value, &left, &draw).compactText.utf8)
  }

  /// The value that a text holds, as notes of safetensors files do, in base64 where a signed statement does; and how it is written back.
  private static func inner(_ value: JSONValue) -> (value: JSONValue, write: (JSONValue) -> JSONValue)? {
    guard case .string(let text) = value else { return nil }
    if text.hasPrefix("{") || text.hasPrefix("[") {
      return (try? JSONValue(parsing: Array(text.utf8))).map { ($0, { .string($0.compactText) }) }
    }
    // An object's beginning in base64.
    guard text.hasPrefix("ey"), let bytes = Base64.bytes(text.utf8),
      let found = try? JSONValue(parsing: bytes)
    else { return nil }
    return (found, { .string(Base64.text(Array($0.compactText.utf8))) })
  }

  private static func count(_ value: JSONValue) -> Int {
    if let inner = inner(value) { return 1 + count(inner.value) }
    switch value {
    case .array(let elements): return 1 + elements.reduce(0) { $0 + count($1) }
    case .object(let members): return 1 + members.reduce(0) { $0 + count($1.value) }
    default: return 1
    }
  }

  /// Changes the value of that number, in the order in which they stand.
  private static func change(_ value: JSONValue, _ left: inout Int, _ draw: inout Draw) -> JSONValue {
    if left == 0 {
      left = -1
      return replaced(value, &draw)
    }
    left -= 1
    if let inner = inner(value) { return inner.write(change(inner.value, &left, &draw)) }
    switch value {
    case .array(let elements):
      return .array(
        elements.map { element in left < 0 ? element : change(element, &left, &draw) })
    case .object(let members):
      return .object(
        members.map { member in
          left < 0 ? member : JSONValue.Member(member.key, change(member.value, &left, &draw))
        })
    default: return value
    }
  }

  private static func replaced(_ value: JSONValue, _ draw: inout Draw) -> JSONValue {
    switch (value, draw.below(8)) {
    case (.integer(let number), 0...2):
      return .integer(
        draw.one(of: [number &+ 1, number &- 1, number &* 2, 0 &- number, number ^ 1 << draw.below(40)]))
    case (.string(let text), 0...2):
      return .string(String(decoding: mutatedPlainly(Array(text.utf8)), as: UTF8.self))
    case (.array(var elements), 0...5):
      guard !elements.isEmpty else { return [draw.one(of: numbers)] }
      let place = draw.below(elements.count)
      switch draw.below(4) {
      case 0: elements.remove(at: place)
      case 1: elements.insert(elements[draw.below(elements.count)], at: place)
      case 2: elements.swapAt(place, draw.below(elements.count))
      default: elements.insert(draw.one(of: numbers + others), at: place)
      }
      return .array(elements)
    case (.object(var members), 0...5):
      guard !members.isEmpty else { return .object([.init("a", draw.one(of: others))]) }
      let place = draw.below(members.count)
      switch draw.below(4) {
      case 0: members.remove(at: place)
      case 1: members.append(members[place])
      case 2: members[place] = .init(members[draw.below(members.count)].key, members[place].value)
      default: members[place].value = members[draw.below(members.count)].value
      }
      return .object(members)
    case (_, 0...5): return draw.one(of: numbers)
    default: return draw.one(of: others)
    }
  }
}
