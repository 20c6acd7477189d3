internal import ModelFiles

/// Finds the weights of a model by what they are for, and checks their shapes.
struct WeightLoader {
  let model: ModelFile
  let configuration: NetworkConfiguration
  let overlay: WeightOverlay
  private let files: [MappedFile]

  init(_ model: ModelFile, _ configuration: NetworkConfiguration, files: [MappedFile], overlay: WeightOverlay)
  {
    self.model = model
    self.configuration = configuration
    self.files = files
    self.overlay = overlay
  }

  private var family: ModelFamily { configuration.family }

  /// A weight without its bias. `[outputs × inputs]`
  func matrix(_ place: TensorPlace, outputs: Int, inputs: Int) throws -> StoredMatrix {
    guard let name = family.tensorName(of: place, in: model) else {
      throw NetworkError.missingWeight(names: family.tensorNames(of: place, in: model.format))
    }
    let isInputMajor = family.storesInputMajor(place.role, in: model.format)
    return try stored(name, isInputMajor ? [inputs, outputs] : [outputs, inputs])
  }

  /// A weight with its bias, where there is one.
  func linear(_ role: TensorRole, layer: Int?, outputs: Int, inputs: Int) throws -> Linear {
    try Linear(
      matrix: matrix(TensorPlace(role, layer: layer), outputs: outputs, inputs: inputs),
      isInputMajor: family.storesInputMajor(role, in: model.format),
      bias: vector(TensorPlace(role, layer: layer, isBias: true), count: outputs))
  }

  /// A norm's weight and bias.
  func norm(_ role: TensorRole, layer: Int?) throws -> Norm {
    let place = TensorPlace(role, layer: layer)
    guard let weight = try vector(place, count: configuration.width) else {
      throw NetworkError.missingWeight(names: family.tensorNames(of: place, in: model.format))
    }
    let bias = try vector(TensorPlace(role, layer: layer, isBias: true), count: configuration.width)
    return Norm(
      weight: weight, bias: bias, epsilon: configuration.normEpsilon,
      subtractsMean: configuration.usesLayerNorm)
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
    guard tensor.elementType.isDecodable else {
      throw NetworkError.opaqueWeight(tensor: name, type: tensor.elementType.rawValue)
    }
    let columns = shape[shape.count - 1]
    if let bytes = overlay[name] {
      precondition(bytes.count == tensor.byteCount, "an overlay holds the tensor's own number of bytes")
      return StoredMatrix(
        bytes: .owned(bytes), elementType: tensor.elementType, rows: shape.count == 2 ? shape[0] : 1,
        columns: columns)
    }
    return StoredMatrix(
      bytes: .mapped(files[tensor.shard], tensor.byteRange), elementType: tensor.elementType,
      rows: shape.count == 2 ? shape[0] : 1, columns: columns)
  }
}
