internal import Floor
internal import ModelFiles

extension TensorChange {
  /// The object of the manifest, keys in the order that the format asks for.
  var json: JSONValue {
    let own = kind.own
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("change", .string(label)),
      .init("elementType", .string(elementType.rawValue)), .init("shape", .array(shape.map { .integer($0) })),
    ]
    members += own.settings
    if let before { members.append(.init("baseDigest", .string(before.digest.hexadecimal))) }
    if let after { members.append(.init("resultDigest", .string(after.digest.hexadecimal))) }
    var walked = own
    walked.visitBlocks { field, content, range in
      guard !(range.isEmpty && content.isOptional) else { return }
      members.append(.init(field, [.integer(range.lowerBound), .integer(range.count)]))
    }
    members += own.notes
    if let measured { members.append(.init("measured", measured)) }
    return .object(members)
  }

  /// Reads and bounds an object of the manifest; its block ranges are checked against the table by `checkBlocks`.
  init(json: JSONValue, file: String) throws(PatchError) {
    let fields = ManifestFields(json: json, file: file)
    name = try fields.text("name")
    let type = try fields.known("change") { label in Kind.all.first { $0.label == label } }
    var own = try type.init(fields, try fields.form("elementType", "shape")) as any ChangeKind
    try own.visitBlocks { (field, content, range) throws(PatchError) in
      range = content.isOptional && json[field] == nil ? 0..<0 : try fields.range(field)
    }
    kind = own.kind
    measured = json["measured"]
    guard measured.map({ $0.members != nil }) ?? true else { throw fields.bad("measured") }
  }

  /// Ranges follow each other and have the lengths that shape, rank and type ask for.
  func checkBlocks(_ table: [BlockInfo], next: inout Int, file: String) throws(PatchError) {
    var own = kind.own
    var cursor = next
    try own.visitBlocks { (field, content, range) throws(PatchError) in
      if content.isOptional, range.isEmpty { return }
      guard range.lowerBound == cursor, range.upperBound <= table.count, content.isHeld(by: table[range])
      else { throw .badBlockRange(file: file, tensor: name, field: field) }
      cursor = range.upperBound
    }
    next = cursor
  }

  /// All its block ranges.
  var blockRanges: [Range<Int>] {
    var ranges: [Range<Int>] = []
    var own = kind.own
    own.visitBlocks { _, _, range in ranges.append(range) }
    return ranges
  }

  /// The same change with its blocks elsewhere.
  func movingBlocks<Failure: Error>(
    _ move: (Range<Int>) throws(Failure) -> Range<Int>
  ) throws(Failure) -> TensorChange {
    var own = kind.own
    try own.visitBlocks { (_, _, range) throws(Failure) in range = try move(range) }
    var moved = self
    moved.kind = own.kind
    return moved
  }
}
