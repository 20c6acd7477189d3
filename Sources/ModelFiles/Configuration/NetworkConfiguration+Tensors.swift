extension NetworkConfiguration {
  /// Refuses tensors of blocks that the network would not use: it would be another network without a word.
  ///
  /// In a GGUF file all tensors must have a place, for there every tensor belongs to the network.
  func checkTensors(of model: ModelFile, _ packing: WeightPacking?) throws {
    var found: [TensorPlace: String] = [:]
    for tensor in model.tensors {
      let name = tensor.name
      if family.isBuffer(name) || isSetting(name, of: model) { continue }
      if packing?.weight(beside: name) != nil { continue }
      guard let place = family.place(of: name) else {
        guard model.format == .gguf || family.isOfLayer(name) else { continue }
        throw ConfigurationError.unknownTensor(name, family: family.name)
      }
      if let layer = place.layer, layer >= layerCount {
        throw ConfigurationError.tensorBeyondLayers(name, layerCount: layerCount)
      }
      if !hasPlace(for: place) {
        throw ConfigurationError.unknownTensor(name, family: family.name)
      }
      if place.isBias, !mayHaveBias(place.role) {
        if self.biases[place.role] == false { throw ConfigurationError.unexpectedBias(name) }
        throw ConfigurationError.unknownTensor(name, family: family.name)
      }
      if let other = found.updateValue(name, forKey: place) {
        throw ConfigurationError.twoTensors(other, name)
      }
      _ = try packing?.weight(tensor)
    }
  }

  /// Whether a tensor was read as one of the settings of rotary positions.
  private func isSetting(_ name: String, of model: ModelFile) -> Bool {
    guard case .rotary = positions else { return false }
    return model.format == .gguf && GGUFSettings.tensors.contains(name)
  }

  /// Whether the layer of a tensor of an MLP, or of experts, has the one or the other.
  private func hasPlace(for place: TensorPlace) -> Bool {
    let hasExperts = place.layer.map { experts?.layers[$0] == true } ?? false
    switch place.role {
    case .router: return hasExperts
    case .expertGate, .expertUp, .expertDown:
      return hasExperts && (place.expert ?? 0) < experts?.count ?? 0
    case .gate, .up, .gateUp, .down: return !hasExperts
    default: return true
    }
  }

  private func mayHaveBias(_ role: TensorRole) -> Bool {
    if role == .tokenEmbedding || role == .positionEmbedding { return false }
    if role.isNorm, self.norm != .layer { return false }
    if role == .router || role.isOfExperts { return false }
    return self.biases[role] != false
  }
}

extension ModelFile {
  /// Whether a model whose configuration says so really has one embedding for both ends: what is stored twice must be the same.
  ///
  /// transformers 5 believes the tensors too: where both are there and differ, they are not tied.
  func hasOneEmbedding(of family: ModelFamily) throws -> Bool {
    guard let head = family.tensorName(of: TensorPlace(.head), in: self),
      let embedding = family.tensorName(of: TensorPlace(.tokenEmbedding), in: self)
    else { return true }
    return try hasSameNumbers(tensor(head), tensor(embedding))
  }

  /// Whether two tensors hold the same bytes in one form.
  private func hasSameNumbers(_ one: TensorInfo, _ other: TensorInfo) throws -> Bool {
    guard one.elementType == other.elementType, one.shape == other.shape else { return false }
    let step = 1 << 20
    for start in stride(from: 0, to: one.byteCount, by: step) {
      let count = min(step, one.byteCount - start)
      let first = try file(of: one).read(count, at: one.byteRange.lowerBound + start)
      guard try first == file(of: other).read(count, at: other.byteRange.lowerBound + start) else {
        return false
      }
    }
    return true
  }
}
