internal import ModelFiles

/// Finds the weights of a model by what they are for, and checks their shapes.
struct WeightLoader {
  let model: ModelFile
  let configuration: NetworkConfiguration
  let overlay: WeightOverlay
  private let files: [MappedFile]
  private let packing: WeightPacking?
  /// Tensors of files that were opened.
  let pages = PageNotes()

  init(
    _ model: ModelFile, _ configuration: NetworkConfiguration, files: [MappedFile], overlay: WeightOverlay
  ) throws {
    self.model = model
    self.configuration = configuration
    self.files = files
    self.overlay = overlay
    packing = try WeightPacking(of: model)
  }

  private var family: ModelFamily { configuration.family }

  /// A weight without its bias. `[outputs × inputs]`
  func matrix(_ place: TensorPlace, outputs: Int, inputs: Int) throws -> StoredMatrix {
    guard let name = family.tensorName(of: place, in: model) else {
      throw missing(place)
    }
    let isInputMajor = family.storesInputMajor(place.role, in: model.format)
    return try stored(name, isInputMajor ? [inputs, outputs] : [outputs, inputs])
  }

  /// A weight with its bias, where there is one.
  func linear(_ role: TensorRole, layer: Int?, outputs: Int, inputs: Int) throws -> Linear {
    try Linear(
      matrix: matrix(TensorPlace(role, layer: layer), outputs: outputs, inputs: inputs),
      isInputMajor: family.storesInputMajor(role, in: model.format),
      bias: bias(role, layer: layer, count: outputs))
  }

  /// The weights of all experts of a layer, from a tensor for each or from one that holds them all. `[experts][outputs × inputs]`
  func experts(_ role: TensorRole, _ layer: Int, _ count: Int, outputs: Int, inputs: Int) throws -> [Linear] {
    let whole = TensorPlace(role, layer: layer)
    let matrices: [StoredMatrix]
    if family.tensorNames(of: whole, in: model.format).isEmpty {
      matrices = try (0..<count).map {
        try matrix(TensorPlace(role, layer: layer, expert: $0), outputs: outputs, inputs: inputs)
      }
    } else {
      guard let name = family.tensorName(of: whole, in: model) else { throw missing(whole) }
      let all = try stored(name, [count, outputs, inputs])
      matrices = try (0..<count).map { expert in
        let own = "\(name)[\(expert)]"
        return overlay[own] == nil
          ? all.rows(expert * outputs..<(expert + 1) * outputs) : try stored(own, [outputs, inputs])
      }
    }
    return matrices.map { Linear(matrix: $0, isInputMajor: false, bias: nil) }
  }

  /// Two weights of one shape that are stored in one, the first one's outputs before the second's, with their biases.
  func linears(_ role: TensorRole, layer: Int?, outputs: Int, inputs: Int) throws -> (Linear, Linear) {
    let both = try linear(role, layer: layer, outputs: 2 * outputs, inputs: inputs)
    precondition(!both.isInputMajor, "outputs are rows")
    func half(_ rows: Range<Int>) -> Linear {
      Linear(matrix: both.matrix.rows(rows), isInputMajor: false, bias: both.bias.map { Array($0[rows]) })
    }
    return (half(0..<outputs), half(outputs..<2 * outputs))
  }

  /// A bias: there if the configuration says so, or else if the file has it. One that must not be there was refused before.
  func bias(_ role: TensorRole, layer: Int?, count: Int) throws -> [Float]? {
    let place = TensorPlace(role, layer: layer, isBias: true)
    let bias = try vector(place, count: count)
    if bias == nil, configuration.biases[role] == true { throw missing(place) }
    return bias
  }

  /// The head of a network that does not use its embedding for it.
  func head(outputs: Int, inputs: Int) throws -> Linear {
    guard family.tensorName(of: TensorPlace(.head), in: model) != nil else {
      let names = family.tensorNames(of: TensorPlace(.head), in: model.format)
      throw NetworkError.missingHead(names: names, near: model.names(near: names))
    }
    return try linear(.head, layer: nil, outputs: outputs, inputs: inputs)
  }

  /// A norm's weight and bias, of hidden states or of what `count` says.
  func norm(_ role: TensorRole, layer: Int?, count: Int? = nil) throws -> Norm {
    let place = TensorPlace(role, layer: layer)
    let count = count ?? configuration.width
    guard let weight = try vector(place, count: count) else { throw missing(place) }
    let epsilon = configuration.normEpsilon
    switch configuration.norm {
    case .layer:
      let bias = try bias(role, layer: layer, count: count)
      return Norm(weight: weight, bias: bias, epsilon: epsilon, subtractsMean: true)
    case .rms(let offset):
      return Norm(
        weight: offset == 0 ? weight : weight.map { offset + $0 }, bias: nil, epsilon: epsilon,
        subtractsMean: false)
    }
  }

  /// That the model has no tensor for a place.
  private func missing(_ place: TensorPlace) -> NetworkError {
    let names = family.tensorNames(of: place, in: model.format)
    return .missingWeight(names: names, near: model.names(near: names))
  }

  /// A vector, if the model has it.
  private func vector(_ place: TensorPlace, count: Int) throws -> [Float]? {
    guard let name = family.tensorName(of: place, in: model) else { return nil }
    let row = try stored(name, [count])
    return row.row(0)
  }

  private func stored(_ name: String, _ shape: [Int]) throws -> StoredMatrix {
    let tensor = try model.tensor(name)
    guard tensor.shape == shape else {
      throw NetworkError.weightShape(tensor: name, expected: shape, found: tensor.shape)
    }
    let type = overlay.types[name] ?? tensor.elementType
    let packed = overlay.types[name] == nil ? try packing?.weight(tensor) : nil
    guard type.isDecodable || packed != nil else {
      throw NetworkError.opaqueWeight(tensor: name, type: tensor.elementType.rawValue)
    }
    return StoredMatrix(
      bytes: bytes(of: tensor), elementType: type, rows: shape.dropLast().reduce(1, *),
      columns: shape[shape.count - 1], codes: packed.map { $0.decoder(scales: copied($0.scales)) })
  }

  /// Where a tensor's bytes are, as if edited.
  private func bytes(of tensor: TensorInfo) -> StoredBytes {
    guard let bytes = overlay[tensor.name] else {
      pages.add(LayerPages.Place(file: files[tensor.shard], range: tensor.byteRange))
      return .mapped(files[tensor.shard], tensor.byteRange)
    }
    let type = overlay.types[tensor.name] ?? tensor.elementType
    precondition(
      bytes.count == (try? type.byteCount(shape: tensor.shape)),
      "an overlay holds as many bytes as the tensor takes")
    return .owned(bytes)
  }

  /// A small tensor's bytes, as if edited.
  private func copied(_ tensor: TensorInfo) -> [UInt8] {
    bytes(of: tensor).withBytes(0..<tensor.byteCount) { Array($0) }
  }
}
