public import ModelFiles

/// A fact on its way into a memory.
public struct MemoryFact: Sendable {
  /// As the patch stores it: an object of the edit's `facts`.
  public var json: JSONValue
  /// Its rows of the arrays of its part, in their stored form, by name.
  public var rows: [String: [UInt8]]
  /// Demonstrations that stand before it, by their places.
  public var shown: [Int]

  /// Gathers the three.
  public init(_ json: JSONValue, rows: [String: [UInt8]] = [:], shown: [Int] = []) {
    (self.json, self.rows, self.shown) = (json, rows, shown)
  }

  /// What it is about; empty where it does not say.
  var subject: String { json["subject"]?.text ?? "" }
  /// Its prompt with the subject in its place.
  var prompt: String {
    let parts = (json["prompt"]?.text ?? "").split(
      separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.joined(separator: subject)
  }
  /// The prompt as it is compared.
  func key(for route: MemoryRoute) -> String { MemoryText.key(prompt, for: route) }
  /// The words that it is found by: its subject's, or, without one, its prompt's.
  var phrase: ArraySlice<String> {
    let own = MemoryText.words(subject)
    return (own.isEmpty ? MemoryText.words(prompt) : own).prefix(MemoryText.phraseLimit)
  }
}

/// A memory on its way into a patch: facts by part, without the indices, which are made of their texts.
public struct MemoryDraft {
  /// Facts of one route.
  public struct Part {
    /// What made it.
    public var method: String
    /// When a fact speaks.
    public var route: MemoryRoute
    /// What it does then.
    public var action: MemoryAction
    /// Its facts.
    public var facts: [MemoryFact]
    /// What its facts share, by name of the array.
    public var shared: [String: Shared]
    /// Whether its facts were trained together and some of them have gone, so that what they share is of more than it says.
    public private(set) var isTorn = false

    /// Numbers in their stored form.
    public struct Shared: Equatable, Sendable {
      let shape: [Int]
      /// F32.
      public let bytes: [UInt8]

      /// Numbers with their extents, outermost first.
      public init(_ shape: [Int], _ numbers: [Float]) {
        self.init(shape, bytes: numbers.withUnsafeBytes { Array($0) })
      }

      init(_ shape: [Int], bytes: [UInt8]) { (self.shape, self.bytes) = (shape, bytes) }
    }

    /// Gathers them.
    public init(
      method: String, route: MemoryRoute, action: MemoryAction, facts: [MemoryFact],
      shared: [String: Shared] = [:]
    ) {
      (self.method, self.route, self.action, self.facts) = (method, route, action, facts)
      self.shared = shared
    }

    /// Leaves facts out.
    public mutating func removeFacts(where isGone: (MemoryFact) -> Bool) {
      let count = facts.count
      facts.removeAll(where: isGone)
      if action == .replaceWeight, facts.count < count { isTorn = true }
    }

    /// Whether facts of another part can join this one.
    func isAlike(_ other: Part) -> Bool {
      method == other.method && route == other.route && action == other.action && shared == other.shared
        && action != .replaceWeight
    }
  }

  /// The model that it is for.
  public var base: MemorySection.Base
  /// Parts, in order; of two that would speak alike the later one does.
  public var parts: [Part]
  /// Texts that facts show before themselves.
  public var demonstrations: [String]

  /// Gathers the three.
  public init(base: MemorySection.Base, parts: [Part], demonstrations: [String] = []) {
    (self.base, self.parts, self.demonstrations) = (base, parts, demonstrations)
  }

  /// A memory read back.
  ///
  /// - Throws: as `MemoryArrays.fact`.
  public init(_ arrays: MemoryArrays) throws {
    let section = arrays.section
    let facts = try arrays.facts()
    let count = arrays.has("demonstrations.ends") ? arrays.shape(of: "demonstrations.ends")[0] : 0
    base = section.base
    demonstrations = (0..<count).map { arrays.text("demonstrations", $0) }
    parts = section.parts.enumerated().map { index, part in
      let own = part.ownArrays.map { ($0, MemorySection.own($0, of: index)) }
      return Part(
        method: part.method, route: part.route, action: part.action,
        facts: part.facts.map { place in
          MemoryFact(
            facts[place],
            rows: Dictionary(
              uniqueKeysWithValues: own.map { name, stored in
                (name, arrays.rowBytes(stored, place - part.facts.lowerBound))
              }),
            shown: arrays.demonstrations(of: place))
        },
        shared: Dictionary(
          uniqueKeysWithValues: part.sharedArrays.map { name in
            let stored = MemorySection.own(name, of: index)
            return (
              name, Part.Shared(arrays.shape(of: stored), bytes: arrays.withBytes(stored) { Array($0) })
            )
          }))
    }
  }

  /// Adds another memory behind this one; a fact whose prompt it has too is replaced by its.
  ///
  /// - Returns: how many facts were replaced.
  @discardableResult
  public mutating func append(_ other: MemoryDraft) -> Int {
    let first = demonstrations.count
    demonstrations += other.demonstrations
    base.model = base.model ?? other.base.model
    var replaced = 0
    for part in other.parts {
      var part = part
      for index in part.facts.indices { part.facts[index].shown = part.facts[index].shown.map { $0 + first } }
      let keys = Set(part.facts.map { $0.key(for: part.route) })
      for index in parts.indices where parts[index].route.kind == part.route.kind {
        let before = parts[index].facts.count
        parts[index].removeFacts { keys.contains($0.key(for: part.route)) }
        replaced += before - parts[index].facts.count
      }
      parts.removeAll(where: \.facts.isEmpty)
      if let alike = parts.indices.last, parts[alike].isAlike(part) {
        parts[alike].facts += part.facts
      } else {
        parts.append(part)
      }
    }
    return replaced
  }
}

extension MemoryArrays {
  /// A row of an array as it is stored.
  fileprivate func rowBytes(_ name: String, _ index: Int) -> [UInt8] {
    guard let array = section.arrays[name] else { return [] }
    let size = array.shape.dropFirst().reduce(array.type.bitCount / 8, *)
    return withBytes(name) { Array($0[index * size..<(index + 1) * size]) }
  }
}
