internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// A model whose feed-forwards all have more neurons: in one layer some are new, all others are zero and give nothing, f(0) · 0 = 0.
///
/// Loaders take one width for all layers. It is a multiple of 32, and of what the down-projections' blocks hold; what was there keeps its bytes.
struct WidenedModel {
  private let network: Network
  private let layer: Int
  private let neurons: AddedNeurons
  /// Where each neuron stands among the added ones.
  private let places: [Int]
  /// How many are added to each layer, zeros included.
  let added: Int

  private var model: ModelFile { network.model }
  private var family: ModelFamily { network.configuration.family }
  private var width: Int { network.configuration.feedForwardWidth }

  /// - Throws: `EditError.cannotWiden` where loaders would not know of it; `NetworkError.layerOfExperts`.
  init(_ network: Network, layer: Int, _ neurons: AddedNeurons) throws {
    (self.network, self.layer, self.neurons) = (network, layer, neurons)
    let (model, width) = (network.model, network.configuration.feedForwardWidth)
    guard model.format == .gguf || model.isFolder else {
      throw EditError.cannotWiden("its configuration stands in another file: name the folder")
    }
    var length = 32
    var hasCodes = false
    for layer in network.allLayers {
      let down = try model.tensor(network.neuronTensors(of: layer).down)
      try model.requirePlain(down.name)
      length = max(length, down.elementType.blockElementCount)
      if layer == self.layer { hasCodes = down.elementType.hasCodes }
    }
    // A neuron that shares a scale with no other keeps its size; not where that would make the model much larger.
    let step = hasCodes && neurons.count * 32 <= max(width / 8, length) ? 32 : 1
    places = (0..<neurons.count).map { $0 * step }
    let last = width + neurons.count * step
    added = (last + length - 1) / length * length - width
  }

  /// Writes the model into a folder, and opens it.
  func write(to folder: String) throws -> ModelFile {
    let changed = try changedTensors()
    for (shard, file) in model.shards.enumerated() {
      let path = Folder.path(folder, Folder.name(of: file.path))
      if model.format == .gguf {
        let header = model.ggufHeaders[shard]
        let metadata = header.metadata.map { field in
          field.key.hasSuffix(".feed_forward_length")
            ? GGUFField(field.key, .uint32(UInt32(width + added))) : field
        }
        try GGUFWriter.rewrite(
          header, of: file, metadata: metadata,
          replacing: changed.filter { name, _ in header.tensors.contains { $0.name == name } }, to: path)
      } else {
        let tensors = try ModelFile.tensors(in: file).map {
          changed[$0.name] ?? NewTensor(copying: $0, of: file)
        }
        try SafetensorsWriter.write(tensors, metadata: model.metadata[shard], to: path)
      }
    }
    guard model.isFolder else {
      return try ModelFile(Folder.path(folder, Folder.name(of: model.shards[0].path)))
    }
    try copyCompanions(to: folder)
    if model.format == .safetensors { try writeConfiguration(to: folder) }
    return try ModelFile(
      Folder.exists(model.path) ? folder : Folder.path(folder, Folder.name(of: model.path)))
  }

  /// Files beside the weights, the index among them.
  private func copyCompanions(to folder: String) throws {
    for name in try Folder.names(in: model.folder) where !name.hasPrefix(".") {
      let (source, target) = (Folder.path(model.folder, name), Folder.path(folder, name))
      guard Folder.fileExists(source), !Folder.occupied(target), Self.isSmall(source) else { continue }
      let file = try OpenFile(source, .reading)
      let copy = try AtomicFile(target)
      if source == model.indexPath, let changed = try counted(file) {
        try copy.file.write(changed, at: 0)
      } else {
        try copy.file.copy(0..<file.size(), of: file, to: 0)
      }
      try copy.commit()
    }
  }

  /// The index with the bytes that all tensors have now, where it tells of them.
  private func counted(_ index: OpenFile) throws -> [UInt8]? {
    let bytes = try index.read(index.size(), at: 0)
    guard let known = try? JSONValue(parsing: bytes)["metadata"]?["total_size"]?.integer else { return nil }
    let more = try changedTensors().reduce(0) {
      try $0 + $1.value.elementType.byteCount(shape: $1.value.shape) - model.tensor($1.key).byteCount
    }
    return Self.replacing("total_size", in: bytes, by: known + more)
  }

  private static func isSmall(_ path: String) -> Bool {
    ((try? OpenFile(path, .reading).size()) ?? .max) <= 1 << 26
  }

  /// Writes the configuration with the new width in place of the old one, and nothing else changed.
  private func writeConfiguration(to folder: String) throws {
    let path = Folder.path(folder, "config.json")
    let file = try OpenFile(path, .reading)
    let bytes = try file.read(file.size(), at: 0)
    for key in ["intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"] {
      guard let changed = Self.replacing(key, in: bytes, by: width + added) else { continue }
      let copy = try AtomicFile(path)
      try copy.file.write(changed, at: 0)
      try copy.commit()
      let found = try? NetworkConfiguration(of: ModelFile(folder)).feedForwardWidth
      if found == width + added { return }
    }
    // GPT-2's width follows from the other one where nothing is said of it.
    if let start = bytes.firstIndex(of: UInt8(ascii: "{")) {
      let changed =
        Array(bytes[...start]) + Array("\n  \"n_inner\": \(width + added),".utf8)
        + Array(bytes[(start + 1)...])
      let copy = try AtomicFile(path)
      try copy.file.write(changed, at: 0)
      try copy.commit()
      if (try? NetworkConfiguration(of: ModelFile(folder)).feedForwardWidth) == width + added { return }
    }
    throw EditError.cannotWiden("its config.json has no width of feed-forwards that is known by name")
  }

  /// JSON with another number, or a number for null, behind the last such key.
  static func replacing(_ key: String, in bytes: [UInt8], by number: Int) -> [UInt8]? {
    let text = Array("\"\(key)\"".utf8)
    guard
      let start = bytes.indices.dropLast(text.count).last(where: { bytes[$0...].starts(with: text) })
    else { return nil }
    let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    var rest = bytes[(start + text.count)...].drop(while: isSpace)
    guard rest.first == UInt8(ascii: ":") else { return nil }
    rest = rest.dropFirst().drop(while: isSpace)
    let value = rest.prefix { (0x30...0x39).contains($0) }
    let isNull = rest.starts(with: Array("null".utf8))
    guard isNull || !value.isEmpty else { return nil }
    let end = isNull ? rest.startIndex + 4 : value.endIndex
    return Array(bytes[..<rest.startIndex]) + Array("\(number)".utf8) + Array(bytes[end...])
  }
}

extension WidenedModel {
  /// What a layer's tensor gets.
  private enum Addition {
    /// Neurons as rows, behind each of some parts of the tensor; zeros where `nil`.
    case rows([Matrix<Float>?])
    /// Neurons as columns.
    case columns(Matrix<Float>?)
  }

  private func changedTensors() throws -> [String: NewTensor] {
    var changed: [String: NewTensor] = [:]
    for layer in network.allLayers {
      let own = layer == self.layer ? neurons : nil
      func extend(_ role: TensorRole, isBias: Bool = false, _ numbers: [Matrix<Float>?]) throws {
        guard
          let name = family.tensorName(of: TensorPlace(role, layer: layer, isBias: isBias), in: model)
        else { return }
        let tensor = try model.tensor(name)
        try model.requirePlain(name)
        // A neuron is an output of the first projections, and an input of the last.
        let isRow = isBias || family.storesInputMajor(role, in: model.format) == (role == .down)
        guard isRow || numbers.count == 1 else {
          throw EditError.cannotWiden("\(name) holds gate and up side by side in columns")
        }
        changed[name] = try extended(tensor, isRow ? .rows(numbers) : .columns(numbers[0]))
      }
      let bias = own.map { Matrix(rows: $0.count, columns: 1, elements: $0.bias) }
      try extend(.down, [own?.columns])
      if !network.configuration.isGated {
        try extend(.up, [own?.first])
        try extend(.up, isBias: true, [bias])
      } else if family.tensorName(of: TensorPlace(.gate, layer: layer), in: model) != nil {
        try extend(.gate, [own?.first])
        try extend(.up, [own?.up])
        try extend(.gate, isBias: true, [bias])
        try extend(.up, isBias: true, [nil])
      } else {
        try extend(.gateUp, [own?.first, own?.up])
        try extend(.gateUp, isBias: true, [bias, nil])
      }
    }
    return changed
  }

  private func extended(_ tensor: TensorInfo, _ addition: Addition) throws -> NewTensor {
    let (type, file) = (tensor.elementType, model.file(of: tensor))
    var shape = tensor.shape
    let runs: Int
    let end: (Int) throws -> [UInt8]
    switch addition {
    case .rows(let parts):
      runs = parts.count
      shape[0] += added * runs
      let rowCount = tensor.byteCount / tensor.shape[0]
      end = { part in
        var bytes = [UInt8](repeating: 0, count: added * rowCount)
        guard let numbers = parts[part] else { return bytes }
        for (neuron, place) in places.enumerated() {
          bytes.replaceSubrange(
            place * rowCount..<(place + 1) * rowCount, with: try type.encoded(Array(numbers.row(neuron))))
        }
        return bytes
      }
    case .columns(let numbers):
      runs = tensor.shape[0]
      shape[1] += added
      let zeros = [UInt8](repeating: 0, count: try type.byteCount(shape: [added]))
      end = { run in
        guard let numbers else { return zeros }
        var column = [Float](repeating: 0, count: added)
        for (neuron, place) in places.enumerated() { column[place] = numbers[neuron, run] }
        return try type.encoded(column)
      }
    }
    let length = tensor.byteCount / runs
    return NewTensor(name: tensor.name, elementType: type, shape: shape) { output, start in
      var (waiting, place): ([UInt8], Int) = ([], start)
      for run in 0..<runs {
        waiting += try file.read(length, at: tensor.byteRange.lowerBound + run * length)
        waiting += try end(run)
        if waiting.count >= 1 << 20 || run == runs - 1 {
          try output.write(waiting, at: place)
          place += waiting.count
          waiting = []
        }
      }
    }
  }
}
