internal import ModelFiles

extension TensorChange {
  /// The object of the manifest, keys in the order that the format asks for.
  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)),
      .init("change", "low-rank"),
      .init("elementType", .string(elementType.rawValue)),
      .init("shape", .array(shape.map { .integer($0) })),
      .init("orientation", .string(orientation.rawValue)),
      .init("rank", .integer(rank)),
      .init("factorType", .string(factorType.rawValue)),
    ]
    switch rounding {
    case .nearest: members.append(.init("rounding", "nearest"))
    case .stochastic(let seed):
      members.append(.init("rounding", "stochastic"))
      let digits = String(seed, radix: 16)
      members.append(.init("seed", .string(String(repeating: "0", count: 16 - digits.count) + digits)))
    }
    members.append(.init("baseDigest", .string(baseDigest.hexadecimal)))
    members.append(.init("resultDigest", .string(resultDigest.hexadecimal)))
    for (field, range) in zip(Blocks.fields, blocks.ranges) {
      members.append(.init(field, [.integer(range.lowerBound), .integer(range.count)]))
    }
    if let measured { members.append(.init("measured", measured)) }
    return .object(members)
  }

  /// Reads and bounds an object of the manifest; its block ranges are checked against the table by `PatchFile`.
  init(json: JSONValue, file: String) throws(PatchError) {
    func bad(_ field: String) -> PatchError { .badManifest(file: file, field: field) }
    func text(_ field: String) throws(PatchError) -> String {
      guard let text = json[field]?.text else { throw bad(field) }
      return text
    }
    func known<Value>(_ field: String, _ value: (String) -> Value?) throws(PatchError) -> Value {
      let found = try text(field)
      guard let value = value(found) else { throw .unknownChange(file: file, field: field, value: found) }
      return value
    }
    func digest(_ field: String) throws(PatchError) -> Digest {
      guard let digest = Digest(hexadecimal: try text(field)) else { throw bad(field) }
      return digest
    }
    name = try text("name")
    _ = try known("change") { $0 == "low-rank" ? $0 : nil }
    guard let type = ElementType(rawValue: try text("elementType")), type.isEditable else { throw bad("elementType") }
    elementType = type
    guard let extents = json["shape"]?.elements, extents.count == 2, let rows = extents[0].integer,
      let columns = extents[1].integer, rows > 0, columns > 0, (try? type.byteCount(shape: [rows, columns])) != nil
    else { throw bad("shape") }
    shape = [rows, columns]
    orientation = try known("orientation", Orientation.init(rawValue:))
    guard let rank = json["rank"]?.integer, rank >= 1, rank <= min(rows, columns) else { throw bad("rank") }
    self.rank = rank
    factorType = try known("factorType", FactorType.init(rawValue:))
    let isStochastic = try known("rounding") { ["nearest": false, "stochastic": true][$0] }
    if isStochastic {
      let digits = try text("seed")
      guard type == .f16 || type == .bf16 else { throw bad("rounding") }
      guard digits.utf8.count == 16, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
        let seed = UInt64(digits, radix: 16)
      else { throw bad("seed") }
      rounding = .stochastic(seed: seed)
    } else {
      rounding = .nearest
    }
    baseDigest = try digest("baseDigest")
    resultDigest = try digest("resultDigest")
    var ranges: [Range<Int>] = []
    for field in Blocks.fields {
      guard let pair = json[field]?.elements, pair.count == 2, let first = pair[0].integer, let count = pair[1].integer,
        first >= 0, count >= 0, first <= 1 << 32, count <= 1 << 32
      else { throw bad(field) }
      ranges.append(first..<first + count)
    }
    blocks = Blocks(ranges: ranges)
    measured = json["measured"]
  }
}
