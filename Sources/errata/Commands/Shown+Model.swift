import Editing
import ModelFiles

extension Shown {
  /// A model: what it is, then its tensors; layers that look alike share a line.
  static func model(_ model: ModelFile, verbose: Bool) throws -> Shown {
    if model.format == .gguf { return try gguf(model, verbose: verbose) }
    let bytes = model.tensors.reduce(0) { $0 + $1.byteCount }
    let parameters = model.tensors.reduce(0) { $0 + $1.elementCount }
    var lines = [
      "model: safetensors, \(Numbers.count(model.shards.count, "file")), \(Numbers.count(model.tensors.count, "tensor")), "
        + "\(Numbers.quantity(parameters)) parameters, \(Numbers.bytes(bytes))"
    ]
    lines += nature(of: model)
    for (key, value) in model.notes {
      lines.append("\(key): \(value.count > 80 ? value.prefix(79) + "…" : value)")
    }
    var table = Table([
      ("tensor", .left), ("type", .left), ("shape", .left), ("each", .right), ("number", .right),
    ])
    for group in TensorGroup.list(model.tensors, collapsed: !verbose) {
      table.add([
        group.name, group.tensor.elementType.rawValue, Numbers.shape(group.tensor.shape),
        Numbers.bytes(group.tensor.byteCount), "\(group.count)",
      ])
    }
    let json: JSONValue = [
      "kind": "model", "format": "safetensors",
      "family": model.modelType.map { .string($0) } ?? .null, "quantization": quantization(of: model),
      "experts": model.experts.map { .integer($0.count) } ?? .null,
      "files": .array(model.shards.map { .string(Folder.name(of: $0.path)) }),
      "parameters": .integer(parameters), "bytes": .integer(bytes),
      "tensors": .array(
        model.tensors.map { tensor in
          [
            "name": .string(tensor.name), "type": .string(tensor.elementType.rawValue),
            "shape": .array(tensor.shape.map { .integer($0) }), "bytes": .integer(tensor.byteCount),
          ]
        }),
      "metadata": .object(model.notes.map { .init($0.key, .string($0.value)) }),
    ]
    return Shown(text: (lines + [table.text()]).joined(separator: "\n"), json: json)
  }

  /// What a model says of its kind, with what stands in the way of running it.
  static func nature(of model: ModelFile) -> [String] {
    var lines: [String] = []
    if let type = model.modelType { lines.append("family: \(type)") }
    if let packing = model.quantization {
      lines.append("quantization: \(ErrorReport.words(packing)); " + fate(of: model))
    }
    if let experts = model.experts {
      lines.append("experts: \(experts.count) a layer" + routing(of: model))
    }
    return lines
  }

  /// How many experts a position goes through, or that such a network is not known.
  private static func routing(of model: ModelFile) -> String {
    guard let routing = (try? NetworkConfiguration(of: model))?.experts else {
      return "; errata cannot run such a network"
    }
    return ", \(routing.chosen) for a token"
  }

  /// What can be done with weights that are packed.
  private static func fate(of model: ModelFile) -> String {
    do {
      return "\(try model.packedForm() ?? "plain numbers"); errata runs what is packed so, but cannot edit it"
    } catch let error as ConfigurationError {
      if case .unsupported(let setting, let value) = error {
        return "\(setting) \(value) is not known; errata cannot run or edit what is packed so"
      }
    } catch {}
    return "errata cannot run or edit what is packed so"
  }

  /// How a folder's weights are packed; null where they are plain numbers.
  static func quantization(of model: ModelFile) -> JSONValue {
    guard let packing = model.quantization else { return .null }
    let form = (try? model.packedForm()) ?? nil
    return [
      "method": .string(packing.method), "bits": packing.bits.map { .integer($0) } ?? .null,
      "form": form.map { .string($0) } ?? .null,
    ]
  }

  /// Statistics: which weights, how wide, over how many tokens.
  static func statistics(_ file: StatisticsFile) throws -> Shown {
    let kind =
      file.isDiagonal ? "importance matrix: diagonals of second moments" : "statistics: second moments"
    var lines = ["\(kind) of \(Numbers.count(file.weights.count, "weight"))"]
    for (key, value) in file.container.notes { lines.append("\(key): \(value)") }
    var table = Table([
      ("weight", .left), ("width", .right), ("tokens", .right), ("tokens per width", .right),
    ])
    var weights: [JSONValue] = []
    for weight in file.weights {
      let width = try file.inputWidth(of: weight)
      let tokens = try file.tokenCount(of: weight)
      let reached = try file.reachedCount(of: weight)
      let ratio = Double(reached ?? tokens) / Double(width)
      table.add([weight, "\(width)", Numbers.quantity(tokens), Numbers.significant(ratio, 3)])
      let members: [JSONValue.Member] = [
        .init("name", .string(weight)), .init("width", .integer(width)), .init("tokens", .integer(tokens)),
      ]
      weights.append(.object(members + (reached.map { [.init("reached", .integer($0))] } ?? [])))
    }
    let json: JSONValue = [
      "kind": "statistics", "format": .string(file.isDiagonal ? "imatrix" : "safetensors"),
      "weights": .array(weights),
      "metadata": .object(file.container.notes.map { .init($0.key, .string($0.value)) }),
    ]
    return Shown(text: (lines + [table.text()]).joined(separator: "\n"), json: json)
  }

  /// Keys: how many edits of which weights.
  static func keys(_ file: KeysFile) throws -> Shown {
    var table = Table([("weight", .left), ("edits", .right), ("inputs", .right), ("outputs", .right)])
    var weights: [JSONValue] = []
    for weight in file.weights {
      let keys = try file.container.tensor(weight + ".keys").shape
      let outputs = try file.container.tensor(weight + ".residuals").shape[1]
      table.add([weight, "\(keys[0])", "\(keys[1])", "\(outputs)"])
      weights.append([
        "name": .string(weight), "edits": .integer(keys[0]), "inputWidth": .integer(keys[1]),
        "outputWidth": .integer(outputs),
      ])
    }
    let json: JSONValue = [
      "kind": "keys", "format": "safetensors", "weights": .array(weights),
      "facts": file.facts.map { .array($0) } ?? .null,
    ]
    let head = "keys: edits of \(Numbers.count(file.weights.count, "weight"))"
    return Shown(text: head + "\n" + table.text(), json: json)
  }
}
