internal import Floor
internal import ModelFiles

extension TensorChange {
  /// The object of the manifest, keys in the order that the format asks for.
  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("change", .string(kind.rawValue)),
      .init("elementType", .string(elementType.rawValue)), .init("shape", .array(shape.map { .integer($0) })),
    ]
    if let baseForm {
      members.append(.init("baseElementType", .string(baseForm.elementType.rawValue)))
      members.append(.init("baseShape", .array(baseForm.shape.map { .integer($0) })))
    }
    if kind == .lowRank { members += lowRankMembers }
    if kind == .scaled { members.append(.init("gain", .string(gainText))) }
    if kind != .added { members.append(.init("baseDigest", .string(baseDigest.hexadecimal))) }
    if kind != .removed { members.append(.init("resultDigest", .string(resultDigest.hexadecimal))) }
    for (field, range) in zip(kind.fields, blocks.ranges) where !(range.isEmpty && isOptional(field)) {
      members.append(.init(field, [.integer(range.lowerBound), .integer(range.count)]))
    }
    if let sample { members.append(.init("sample", .string(sample.text))) }
    if let measured { members.append(.init("measured", measured)) }
    return .object(members)
  }

  /// Whether a field may be left out: factors or a gain alone usually give the result.
  func isOptional(_ field: String) -> Bool { kind.isFunction && field == "differences" }

  /// Bits of a number of the arithmetic's type.
  private var gainText: String {
    elementType == .f64
      ? Hexadecimal.text(gain.bitPattern, digits: 16)
      : Hexadecimal.text(UInt64(Float(gain).bitPattern), digits: 8)
  }

  private var lowRankMembers: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("orientation", .string(orientation.rawValue)), .init("rank", .integer(rank)),
      .init("factorType", .string(factorType.rawValue)),
    ]
    switch rounding {
    case .nearest: members.append(.init("rounding", "nearest"))
    case .stochastic(let seed):
      members.append(.init("rounding", "stochastic"))
      members.append(.init("seed", .string(Hexadecimal.text(seed, digits: 16))))
    }
    return members
  }

  /// Reads and bounds an object of the manifest; its block ranges are checked against the table by `PatchFile`.
  init(json: JSONValue, file: String) throws(PatchError) {
    let fields = ManifestFields(json: json, file: file)
    name = try fields.text("name")
    kind = try fields.known("change", Kind.init(rawValue:))
    let form = try fields.form("elementType", "shape")
    (elementType, shape) = (form.elementType, form.shape)
    baseForm = kind == .replaced ? try fields.form("baseElementType", "baseShape") : nil
    (orientation, rank, factorType, rounding) = (.outputMajor, 0, .f16, .nearest)
    if kind == .lowRank {
      guard elementType.isEditable else { throw fields.bad("elementType") }
      guard shape.count == 2, shape.allSatisfy({ $0 > 0 }) else { throw fields.bad("shape") }
      orientation = try fields.known("orientation", Orientation.init(rawValue:))
      guard let rank = json["rank"]?.integer, rank >= 1, rank <= min(shape[0], shape[1]) else {
        throw fields.bad("rank")
      }
      self.rank = rank
      factorType = try fields.known("factorType", FactorType.init(rawValue:))
      rounding = try fields.rounding(elementType)
    }
    if kind == .scaled {
      guard elementType.isEditable else { throw fields.bad("elementType") }
      gain = try fields.gain(elementType)
    }
    baseDigest = kind == .added ? Digest(leaves: []) : try fields.digest("baseDigest")
    resultDigest = kind == .removed ? Digest(leaves: []) : try fields.digest("resultDigest")
    blocks = Blocks(ranges: [])
    for field in kind.fields {
      let isLeftOut = isOptional(field) && json[field] == nil
      blocks.ranges.append(isLeftOut ? 0..<0 : try fields.range(field))
    }
    sample = nil
    if kind == .lowRank, let digits = json["sample"] {
      guard let sample = digits.text.flatMap(WeightSample.init) else { throw fields.bad("sample") }
      self.sample = sample
    }
    measured = json["measured"]
    guard measured.map({ $0.members != nil }) ?? true else { throw fields.bad("measured") }
  }
}

/// Fields of one object of a manifest, read with the errors that the format names.
struct ManifestFields {
  let json: JSONValue
  let file: String

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

  func form(_ typeField: String, _ shapeField: String) throws(PatchError) -> TensorForm {
    guard let type = ElementType(rawValue: try text(typeField)) else { throw bad(typeField) }
    guard let extents = json[shapeField]?.elements, extents.count <= 64 else { throw bad(shapeField) }
    var shape: [Int] = []
    for extent in extents {
      guard let extent = extent.integer, extent >= 0 else { throw bad(shapeField) }
      shape.append(extent)
    }
    guard (try? type.byteCount(shape: shape)) != nil else { throw bad(shapeField) }
    return TensorForm(elementType: type, shape: shape)
  }

  func range(_ field: String) throws(PatchError) -> Range<Int> {
    guard let pair = json[field]?.elements, pair.count == 2, let first = pair[0].integer,
      let count = pair[1].integer,
      first >= 0, count >= 0, first <= 1 << 32, count <= 1 << 32
    else { throw bad(field) }
    return first..<first + count
  }

  func rounding(_ type: ElementType) throws(PatchError) -> TensorChange.Rounding {
    guard try known("rounding", { ["nearest": false, "stochastic": true][$0] }) else { return .nearest }
    guard type == .f16 || type == .bf16 else { throw bad("rounding") }
    return .stochastic(seed: try hexadecimal("seed", digits: 16))
  }

  func gain(_ type: ElementType) throws(PatchError) -> Double {
    let gain =
      type == .f64
      ? Double(bitPattern: try hexadecimal("gain", digits: 16))
      : Double(Float(bitPattern: UInt32(try hexadecimal("gain", digits: 8))))
    guard gain.isFinite, gain > 0 else { throw bad("gain") }
    return gain
  }

  /// So many lower-case digits, at most sixteen, the most significant first.
  private func hexadecimal(_ field: String, digits count: Int) throws(PatchError) -> UInt64 {
    guard let number = Hexadecimal.number(try text(field), digits: count) else { throw bad(field) }
    return number
  }
}
