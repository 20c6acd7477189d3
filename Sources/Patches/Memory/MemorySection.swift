public import Floor
public import ModelFiles

/// What a patch holds for use beside the weights: facts as text, and what decides when each speaks. `Formats/memory.md`.
public struct MemorySection: Sendable {
  /// Facts that share a method, a route and an action.
  public struct Part: Equatable, Sendable {
    /// What made it.
    public var method: String
    /// Its facts, among those of the memory.
    public var facts: Range<Int>
    /// When a fact speaks.
    public var route: MemoryRoute
    /// What it does then.
    public var action: MemoryAction

    /// Joins the four.
    public init(method: String, facts: Range<Int>, route: MemoryRoute, action: MemoryAction) {
      (self.method, self.facts, self.route, self.action) = (method, facts, route, action)
    }

    /// Its arrays with a row for each of its facts.
    var ownArrays: [String] { route.ownArrays + action.ownArrays }
    /// Its arrays that all of its facts share.
    var sharedArrays: [String] { route.sharedArrays + action.sharedArrays }

    /// Whether it works on the model's states, and so is void on any other model.
    public var isBound: Bool { route.readsStates || action.routeKind != nil }
  }

  /// The model that it was made for.
  public struct Base: Equatable, Sendable {
    /// Digest of samples of its weights.
    public var fingerprint: Digest
    /// Digest of all its weights; only where a part is bound to them.
    public var model: Digest?

    /// Joins the two.
    public init(fingerprint: Digest, model: Digest?) { (self.fingerprint, self.model) = (fingerprint, model) }
  }

  /// The model that it was made for.
  public let base: Base
  /// Number of facts.
  public let factCount: Int
  /// In the order of their facts, which they have all.
  public let parts: [Part]
  /// By name.
  let arrays: [String: MemoryArray]

  /// Most facts.
  public static let factLimit = 1 << 24
  /// Most parts.
  static let partLimit = 1 << 10

  /// Whether another model than the one that it was made for makes it void.
  public var isBound: Bool { parts.contains(where: \.isBound) }

  /// The name of an array that only one part has.
  public static func own(_ name: String, of part: Int) -> String { "\(part).\(name)" }

  /// Reads and checks the section; its blocks must follow the ones before.
  init(_ json: JSONValue, blocks: [BlockInfo], next: inout Int, file: String) throws(PatchError) {
    func require(_ field: String, _ isGood: Bool) throws(PatchError) {
      guard isGood else { throw .badManifest(file: file, field: "memory.\(field)") }
    }
    let fields = ManifestFields(json: json, file: file)
    guard let baseJSON = json["base"] else { throw fields.bad("memory.base") }
    let baseFields = ManifestFields(json: baseJSON, file: file)
    base = Base(
      fingerprint: try baseFields.digest("fingerprint"),
      model: baseJSON["model"] == nil ? nil : try baseFields.digest("model"))
    factCount = try fields.count("facts")
    try require("facts", (1...Self.factLimit).contains(factCount))
    guard let list = json["parts"]?.elements, (1...Self.partLimit).contains(list.count) else {
      throw fields.bad("memory.parts")
    }
    var parts: [Part] = []
    for json in list {
      let own = ManifestFields(json: json, file: file)
      guard let route = json["route"], let action = json["action"] else { throw fields.bad("memory.parts") }
      let part = Part(
        method: try own.text("method"), facts: try own.range("facts"),
        route: try MemoryRoute(ManifestFields(json: route, file: file)),
        action: try MemoryAction(ManifestFields(json: action, file: file)))
      try require(
        "parts",
        part.facts.lowerBound == parts.last?.facts.upperBound ?? 0 && !part.facts.isEmpty
          && part.facts.upperBound <= factCount)
      // A layer is changed where the route looks, and only there.
      try require("parts", part.action.routeKind == (part.route.layer == nil ? nil : part.route.kind))
      try require("parts", part.action.loop == nil || part.route.findsByPrompt)
      parts.append(part)
    }
    try require("parts", parts.last?.facts.upperBound == factCount)
    self.parts = parts
    try require("base", parts.contains(where: \.isBound) == (base.model != nil))
    arrays = try MemoryArray.all(json["arrays"], blocks: blocks, next: &next, file: file)
    for (name, array) in arrays {
      try require(
        "arrays", Self.isKnown(name, parts) && array.fits(Self.form(of: name), facts: factCount, parts))
    }
    for name in Self.needed(by: parts) where arrays[name] == nil {
      throw .badManifest(file: file, field: "memory.arrays")
    }
    try require("arrays", arrays["phrases.hashes"]?.shape == arrays["phrases.facts"]?.shape)
    try require("arrays", arrays["words.hashes"]?.shape == arrays["words.ends"]?.shape)
    for (index, part) in parts.enumerated() where part.route.states != nil {
      func shape(_ name: String) -> [Int] { arrays[Self.own(name, of: index)]?.shape ?? [] }
      let (made, read) = (shape("embeddings").last, shape("center").last)
      try require("arrays", part.route.kind == "scope" ? shape("head") == [made, read] : made == read)
    }
    for (index, part) in parts.enumerated() where part.action == .replaceWeight {
      let (left, right) = (arrays[Self.own("left", of: index)], arrays[Self.own("right", of: index)])
      try require("arrays", left?.shape.last == right?.shape.first && left?.shape.last != 0)
    }
    try require(
      "arrays",
      (arrays["demonstrations"] != nil) == (arrays["demonstrations.ends"] != nil)
        && (arrays["demonstrations"] != nil) == (arrays["demonstrations.shown"] != nil))
  }

  /// Names of the arrays without which these parts cannot be read.
  private static func needed(by parts: [Part]) -> Set<String> {
    var names: Set<String> = ["facts", "facts.ends", "keys", "keys.ends"]
    for (index, part) in parts.enumerated() {
      names.formUnion(part.route.arrays)
      let local = part.ownArrays + part.sharedArrays
      names.formUnion(local.map { own($0, of: index) })
    }
    return names
  }

  private static func isKnown(_ name: String, _ parts: [Part]) -> Bool {
    needed(by: parts).contains(name)
      || ["demonstrations", "demonstrations.ends", "demonstrations.shown"].contains(name)
  }

  /// What type and shape an array has, by its name.
  private static func form(of name: String) -> MemoryArray.Form {
    let own = name.split(separator: ".", maxSplits: 1)
    let local = own.first.flatMap { Int($0) } == nil ? name : String(own[1])
    return switch name == local ? name : "own \(local)" {
    case "facts", "keys", "demonstrations": .init(type: .u8, extents: [.any])
    case "facts.ends", "keys.ends": .init(type: .u64, extents: [.facts])
    case "demonstrations.ends", "phrases.hashes", "words.hashes", "words.ends":
      .init(type: .u64, extents: [.any])
    case "demonstrations.shown": .init(type: .u32, extents: [.facts, .any])
    case "phrases.facts", "words.facts": .init(type: .u32, extents: [.any])
    case "shapes": .init(type: .u64, extents: [.facts, .four])
    case "own center": .init(type: .f32, extents: [.any])
    case "own head", "own left", "own right": .init(type: .f32, extents: [.any, .any])
    case "own keys", "own values", "own embeddings":
      .init(type: .f32, extents: [.own, .any], part: own.first.flatMap { Int($0) })
    default: .init(type: .f32, extents: [.own], part: own.first.flatMap { Int($0) })
    }
  }
}

/// A named run of numbers or bytes of a memory.
struct MemoryArray: Sendable {
  let name: String
  let type: ElementType
  let shape: [Int]
  let blocks: Range<Int>

  /// What an array of a name must be.
  struct Form {
    enum Extent { case any, facts, own, four }
    let type: ElementType
    let extents: [Extent]
    var part: Int?
  }

  private static let types: [ElementType] = [.u8, .u32, .u64, .f16, .f32]
  private static let extentLimit = 1 << 40

  var byteCount: Int { (try? type.byteCount(shape: shape)) ?? 0 }

  func fits(_ form: Form, facts: Int, _ parts: [MemorySection.Part]) -> Bool {
    guard type == form.type, shape.count == form.extents.count else { return false }
    return zip(shape, form.extents).allSatisfy { size, extent in
      switch extent {
      case .any: true
      case .facts: size == facts
      case .own: form.part.map { parts.indices.contains($0) && size == parts[$0].facts.count } ?? false
      case .four: size == 4
      }
    }
  }

  /// Reads and bounds the list, which is in the order of the names; its blocks must follow the ones before.
  static func all(
    _ json: JSONValue?, blocks table: [BlockInfo], next: inout Int, file: String
  ) throws(PatchError) -> [String: MemoryArray] {
    guard let list = json?.elements else { throw .badManifest(file: file, field: "memory.arrays") }
    var arrays: [String: MemoryArray] = [:]
    let names = list.map { $0["name"]?.text ?? "" }
    // In order, and so each once; said before a block is looked for where another's is.
    guard zip(names, names.dropFirst()).allSatisfy({ $0.utf8.lexicographicallyPrecedes($1.utf8) }) else {
      throw .badManifest(file: file, field: "memory.arrays")
    }
    for json in list {
      let fields = ManifestFields(json: json, file: file)
      let name = try fields.text("name")
      let form = try fields.form("elementType", "shape")
      guard types.contains(form.elementType), form.shape.allSatisfy({ $0 <= extentLimit }) else {
        throw .badManifest(file: file, field: "memory.arrays")
      }
      let array = MemoryArray(
        name: name, type: form.elementType, shape: form.shape, blocks: try fields.range("blocks"))
      guard array.blocks.lowerBound == next, array.blocks.upperBound <= table.count,
        table[array.blocks].hold(array.byteCount)
      else { throw .badBlockRange(file: file, tensor: name, field: "memory") }
      next = array.blocks.upperBound
      arrays[name] = array
    }
    return arrays
  }

  var json: JSONValue {
    [
      "name": .string(name), "elementType": .string(type.rawValue),
      "shape": .array(shape.map { .integer($0) }),
      "blocks": [.integer(blocks.lowerBound), .integer(blocks.count)],
    ]
  }
}
