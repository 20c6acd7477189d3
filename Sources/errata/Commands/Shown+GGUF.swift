import ModelFiles

extension Shown {
  /// A GGUF model: what it is, its metadata, its tensors; layers that look alike share a line.
  static func gguf(_ model: ModelFile, verbose: Bool) throws -> Shown {
    let sizes = typeSizes(model.tensors)
    let bytes = sizes.reduce(0) { $0 + $1.bytes }
    let parameters = model.tensors.reduce(0) { $0 + $1.elementCount }
    let version = model.ggufHeaders.first?.version ?? 0
    var lines = [
      "model: gguf version \(version), \(Numbers.count(model.shards.count, "file")), "
        + "\(Numbers.count(model.tensors.count, "tensor")), \(Numbers.quantity(parameters)) parameters, "
        + "\(Numbers.bytes(bytes))"
    ]
    lines += nature(of: model)
    lines.append(
      "types: "
        + sizes.map { "\($0.type.rawValue) \(Numbers.bytes($0.bytes)) in \($0.count)" }.joined(
          separator: ", "))
    var metadata = Table([("key", .left), ("type", .left), ("value", .left)])
    let keys = model.ggufMetadata
    for field in keys.prefix(verbose ? keys.count : shownKeys) {
      metadata.add([visible(field.key), typeName(field.value), try words(field.value)])
    }
    if keys.count > shownKeys, !verbose {
      metadata.add(["…", "", "and \(keys.count - shownKeys) more (-v shows all)"])
    }
    var table = Table([
      ("tensor", .left), ("type", .left), ("shape", .left), ("each", .right), ("number", .right),
    ])
    for group in TensorGroup.list(model.tensors, collapsed: !verbose) {
      table.add([
        visible(group.name), group.tensor.elementType.rawValue, Numbers.shape(group.tensor.shape),
        Numbers.bytes(group.tensor.byteCount), "\(group.count)",
      ])
    }
    let text = (lines + [metadata.text(), table.text()]).joined(separator: "\n")
    return Shown(text: text, json: try json(model, sizes, parameters: parameters, bytes: bytes))
  }

  private static func json(
    _ model: ModelFile, _ sizes: [TypeSize], parameters: Int, bytes: Int
  ) throws -> JSONValue {
    [
      "kind": "model", "format": "gguf", "version": .integer(model.ggufHeaders.first?.version ?? 0),
      "family": model.modelType.map { .string($0) } ?? .null, "quantization": .null,
      "experts": model.experts.map { .integer($0.count) } ?? .null,
      "files": .array(model.shards.map { .string(Folder.name(of: $0.path)) }),
      "parameters": .integer(parameters), "bytes": .integer(bytes),
      "types": .array(
        sizes.map {
          ["type": .string($0.type.rawValue), "tensors": .integer($0.count), "bytes": .integer($0.bytes)]
        }),
      "tensors": .array(
        model.tensors.map { tensor in
          [
            "name": .string(tensor.name), "type": .string(tensor.elementType.rawValue),
            "shape": .array(tensor.shape.map { .integer($0) }), "bytes": .integer(tensor.byteCount),
          ]
        }),
      "metadata": .object(try model.ggufMetadata.map { .init($0.key, try json($0.value)) }),
      "metadataTypes": .object(model.ggufMetadata.map { .init($0.key, .string(typeName($0.value))) }),
    ]
  }

  private struct TypeSize {
    let type: ElementType
    var count: Int
    var bytes: Int
  }

  /// How much of the model each element type takes, the largest first.
  private static func typeSizes(_ tensors: [TensorInfo]) -> [TypeSize] {
    var sizes: [ElementType: TypeSize] = [:]
    for tensor in tensors {
      sizes[tensor.elementType, default: TypeSize(type: tensor.elementType, count: 0, bytes: 0)].count += 1
      sizes[tensor.elementType]?.bytes += tensor.byteCount
    }
    return sizes.values.sorted { ($0.bytes, $0.type.rawValue) > ($1.bytes, $1.type.rawValue) }
  }

  /// Keys shown to people before the rest is only counted; models have some fifty.
  private static let shownKeys = 200
  /// Elements of an array shown to people, and given to scripts.
  private static let shownElements = 8
  private static let jsonElements = 64

  private static func typeName(_ value: GGUFValue) -> String {
    value.elementType.map { "\($0)[\(value.count)]" } ?? "\(value.type)"
  }

  /// A value on one line: long arrays and texts are cut.
  private static func words(_ value: GGUFValue) throws -> String {
    if value.type == .array {
      let elements = try value.elements(shownElements).map { try words($0) }
      let shown = cut(elements.joined(separator: ", "), 60)
      return "[\(shown)\(value.count > elements.count && !shown.hasSuffix("…") ? ", …" : "")]"
    }
    if let text = try value.text() { return cut(visible(text), 60) }
    if let truth = value.truth { return truth ? "true" : "false" }
    if let number = value.integer { return String(number) }
    if value.type == .float32, let number = value.number { return "\(Float(number))" }
    return value.number.map { "\($0)" } ?? ""
  }

  private static func cut(_ text: String, _ limit: Int) -> String {
    text.count > limit ? text.prefix(limit - 1) + "…" : text
  }

  /// A file's text without what would command a terminal.
  private static func visible(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "·" : $0 }))
  }

  private static func json(_ value: GGUFValue) throws -> JSONValue {
    if value.type == .array {
      let elements = JSONValue.array(try value.elements(jsonElements).map { try json($0) })
      return value.count <= jsonElements
        ? elements : ["length": .integer(value.count), "first": elements]
    }
    if let text = try value.text() { return .string(text) }
    if let truth = value.truth { return .bool(truth) }
    if let number = value.integer { return .integer(number) }
    // The shortest digits that read back as the same float, not those of its exact value.
    if value.type == .float32, let number = value.number {
      return .number(Double("\(Float(number))") ?? number)
    }
    return value.number.map { .number($0) } ?? .null
  }
}
