/// A regular expression of those that published tokenizers split text by, as a tree.
///
/// Read are alternatives, groups, `(?i:…)`, lookahead, sets with Unicode's general categories and intersections, `\s \d \b $`, and greedy or
/// possessive repetition. Everything else is refused: what a matcher does otherwise than Oniguruma would give other tokens in silence.
indirect enum RegexNode: Equatable, Sendable {
  case set(CharacterSet)
  case sequence([RegexNode])
  case alternatives([RegexNode])
  /// `most` is `nil` where there is no limit.
  case repeated(RegexNode, least: Int, most: Int?, isPossessive: Bool)
  case lookahead(RegexNode, isPositive: Bool)
  case end
  case wordBoundary
}

/// Why a pattern is not read: the construct and where it stands.
struct RegexError: Error, Equatable {
  let construct: String
  let offset: Int
}

/// Reads a pattern.
struct RegexReader {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var foldsCase = false
  private static let countLimit = 1024
  private static let depthLimit = 32
  private var depth = 0
  private let foldsBeyondASCII: Bool

  private init(_ pattern: String, foldsBeyondASCII: Bool) {
    scalars = Array(pattern.unicodeScalars)
    self.foldsBeyondASCII = foldsBeyondASCII
  }

  /// - Parameter foldsBeyondASCII: whether `ſ` is an `s` and the sign for kelvin a `k` where case is ignored.
  static func read(_ pattern: String, foldsBeyondASCII: Bool) throws(RegexError) -> RegexNode {
    var reader = RegexReader(pattern, foldsBeyondASCII: foldsBeyondASCII)
    let node = try reader.alternatives()
    guard reader.position == reader.scalars.count else { throw reader.unsupported(")") }
    return node
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private func unsupported(_ construct: String) -> RegexError {
    RegexError(construct: construct, offset: position)
  }

  private func looksAt(_ text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

  private mutating func take(_ text: String) -> Bool {
    guard looksAt(text) else { return false }
    position += text.unicodeScalars.count
    return true
  }

  // MARK: Structure

  private mutating func alternatives() throws(RegexError) -> RegexNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw unsupported("nesting") }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws(RegexError) -> RegexNode {
    var nodes: [RegexNode] = []
    while let scalar = next, scalar != "|", scalar != ")" { nodes.append(try repeated(try atom())) }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private mutating func repeated(_ atom: RegexNode) throws(RegexError) -> RegexNode {
    guard let (least, most) = try count() else { return atom }
    if take("?") { throw unsupported("lazy repetition") }
    let isPossessive = take("+")
    if ["*", "?", "+", "{"].contains(where: looksAt) { throw unsupported("repetition of a repetition") }
    return .repeated(atom, least: least, most: most, isPossessive: isPossessive)
  }

  private mutating func count() throws(RegexError) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    guard take("{") else { return nil }
    let least = try number()
    var most: Int? = least
    if take(",") { most = looksAt("}") ? nil : try number() }
    guard take("}"), most.map({ $0 >= least }) ?? true else { throw unsupported("{") }
    return (least, most)
  }

  private mutating func number() throws(RegexError) -> Int {
    var digits = ""
    while let scalar = next, ("0"..."9").contains(scalar) {
      digits.unicodeScalars.append(scalar)
      position += 1
    }
    guard let number = Int(digits), number <= Self.countLimit else { throw unsupported("{") }
    return number
  }

  private mutating func atom() throws(RegexError) -> RegexNode {
    if take("(") { return try group() }
    if take("[") { return .set(try set()) }
    if take("\\b") { return .wordBoundary }
    if take("$") { return .end }
    guard let scalar = next, !"^.*+?{".unicodeScalars.contains(scalar) else {
      throw unsupported(next.map { String(Character($0)) } ?? "nothing")
    }
    if scalar == "\\" { return .set(try escape()) }
    position += 1
    return .set(literal(scalar))
  }

  private mutating func group() throws(RegexError) -> RegexNode {
    if take("?=") { return .lookahead(try closed(), isPositive: true) }
    if take("?!") { return .lookahead(try closed(), isPositive: false) }
    let outer = foldsCase
    defer { foldsCase = outer }
    if take("?i:") {
      foldsCase = true
    } else if !take("?:"), looksAt("?") {
      throw unsupported("(?")
    }
    return try closed()
  }

  private mutating func closed() throws(RegexError) -> RegexNode {
    let node = try alternatives()
    guard take(")") else { throw unsupported("(") }
    return node
  }

  // MARK: Characters

  private func literal(_ scalar: Unicode.Scalar) -> CharacterSet {
    var set = CharacterSet(ranges: [scalar.value...scalar.value])
    guard foldsCase, scalar.isASCII, scalar.properties.isAlphabetic else { return set }
    let other = scalar.value ^ 0x20
    set.ranges.append(other...other)
    guard foldsBeyondASCII else { return set }
    if [0x53, 0x73].contains(scalar.value) { set.ranges.append(0x17F...0x17F) }
    if [0x4B, 0x6B].contains(scalar.value) { set.ranges.append(0x212A...0x212A) }
    return set
  }

  private static let categories: [String: CharacterClass] = [
    "L": .letter, "N": .number, "P": .punctuation, "M": .mark, "S": .symbol, "Lu": .uppercase,
    "Ll": .lowercase,
    "Lt": .titlecase, "Lm": .modifier, "Lo": .otherLetter, "Nd": .decimal,
  ]

  /// A backslash and what belongs to it.
  private mutating func escape() throws(RegexError) -> CharacterSet {
    position += 1
    guard let scalar = next else { throw unsupported("\\") }
    position += 1
    switch scalar {
    case "s": return CharacterSet(classes: .space)
    case "S": return CharacterSet(complements: [.space])
    case "d": return CharacterSet(classes: .decimal)
    case "D": return CharacterSet(complements: [.decimal])
    case "r": return literal("\r")
    case "n": return literal("\n")
    case "t": return literal("\t")
    case "p", "P":
      let start = position
      while let scalar = next, scalar != "}" { position += 1 }
      guard position < scalars.count, scalars[start] == "{" else { throw unsupported("\\p") }
      let name = String(String.UnicodeScalarView(scalars[start + 1..<position]))
      position += 1
      guard let found = Self.categories[name] else { throw unsupported("\\p{\(name)}") }
      return scalar == "p" ? CharacterSet(classes: found) : CharacterSet(complements: [found])
    default:
      guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw unsupported("\\\(scalar)")
      }
      return literal(scalar)
    }
  }

  /// What stands between brackets, of which the first is read.
  private mutating func set() throws(RegexError) -> CharacterSet {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw unsupported("nesting") }
    var set = CharacterSet()
    set.isNegated = take("^")
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      if take("&&") {
        guard take("[") else { throw unsupported("&&") }
        set.intersections.append(try self.set())
      } else if scalar == "[" {
        throw unsupported("[ in a set")
      } else {
        set.formUnion(try member())
      }
    }
    guard take("]") else { throw unsupported("[") }
    return set
  }

  /// A character, a range or a class.
  private mutating func member() throws(RegexError) -> CharacterSet {
    let first = try memberCharacter()
    guard looksAt("-"), position + 1 < scalars.count, scalars[position + 1] != "]",
      let low = first.ranges.first?.lowerBound
    else { return first }
    position += 1
    guard let high = try memberCharacter().ranges.first?.lowerBound, low <= high else {
      throw unsupported("-")
    }
    guard !foldsCase else { throw unsupported("a range where case is ignored") }
    return CharacterSet(ranges: [low...high])
  }

  private mutating func memberCharacter() throws(RegexError) -> CharacterSet {
    if looksAt("\\") { return try escape() }
    guard let scalar = next else { throw unsupported("[") }
    position += 1
    return literal(scalar)
  }
}
