import ModelFiles

/// Seeded damage to files: what a bad disk, a cut download, an editor or an enemy leaves. The same seed does the same.
public struct Damage {
  private var generator: SplitMix64

  /// Starts a sequence.
  public init(seed: UInt64) { generator = SplitMix64(state: seed) }

  private static let words = [
    "0", "-1", "2147483648", "9223372036854775807", "1e308", "-0.5", "null", "true", "\"", "{", "}", "[", "]",
    ",", ":",
    "\\u", "NaN", "\u{0}", "\u{FEFF}",
  ]

  private static let values: [JSONValue] = [
    .null, .bool(true), .integer(0), .integer(-1), .integer(1), .integer(1 << 31), .integer(.max),
    .integer(.min),
    .number(1.5), .number(-1e300), .number(5e-324), .string(""), .string("x"), .string("{}"), .array([]),
    .array([.integer(3)]), .object([]), .object([.init("type", "BPE")]),
  ]

  /// Bytes with one to three faults: flips, other bytes, words of JSON, pieces gone, doubled or cut off.
  public mutating func bytes(_ sample: [UInt8]) -> [UInt8] {
    var bytes = sample
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
      // Half of them near the beginning, where headers are.
      let limit = Bool.random(using: &generator) ? bytes.count : min(bytes.count, 200)
      let place = Int.random(in: 0..<limit, using: &generator)
      let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = .random(in: .min ... .max, using: &generator)
      case 2: bytes.insert(contentsOf: Self.words.randomElement(using: &generator)!.utf8, at: place)
      case 3: bytes.removeSubrange(place..<end)
      case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
      default: bytes.removeLast(bytes.count - place)
      }
    }
    return bytes
  }

  /// A value in which one value, somewhere, is another, is gone, or is there twice.
  public mutating func value(_ sample: JSONValue) -> JSONValue {
    switch sample {
    case .object(var members) where !members.isEmpty && deeper():
      let place = Int.random(in: members.indices, using: &generator)
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: members.remove(at: place)
      case 1: members[place] = .init("x" + members[place].key, members[place].value)
      default: members[place].value = value(members[place].value)
      }
      return .object(members)
    case .array(var values) where !values.isEmpty && deeper():
      let place = Int.random(in: values.indices, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: values.remove(at: place)
      case 1: values.append(values[place])
      default: values[place] = value(values[place])
      }
      return .array(values)
    default: return Self.values.randomElement(using: &generator)!
    }
  }

  private mutating func deeper() -> Bool { Int.random(in: 0..<8, using: &generator) > 0 }

  /// Some beginnings of a file: the first bytes one by one, then further apart.
  public static func prefixes(of sample: [UInt8], _ count: Int = 60) -> [[UInt8]] {
    let step = max(1, sample.count / count)
    let lengths = Array(0..<min(sample.count, 40)) + Array(stride(from: 40, to: sample.count, by: step))
    return lengths.map { Array(sample[..<$0]) }
  }
}
