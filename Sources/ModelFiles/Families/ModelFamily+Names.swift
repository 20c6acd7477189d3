extension ModelFamily {
  static let ggufLayers = "blk."

  /// What a tensor of this name is for, in either container; `nil` for a name that is none of the family's.
  public func place(of tensor: String) -> TensorPlace? {
    let isBias = tensor.hasSuffix(".bias")
    guard isBias || tensor.hasSuffix(".weight") else { return nil }
    let stem = tensor.dropLast(isBias ? ".bias".count : ".weight".count)

    func match(_ stem: Substring, layers: String, name: (TensorRole) -> String?) -> TensorPlace? {
      if stem.hasPrefix(layers) {
        let rest = stem.dropFirst(layers.count)
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        if let layer = Int(digits), rest.dropFirst(digits.count).first == "." {
          let own = rest.dropFirst(digits.count + 1)
          return TensorRole.allCases.first { $0.isPerLayer && name($0).map { own == $0 } == true }
            .map { TensorPlace($0, layer: layer, isBias: isBias) }
        }
      }
      return TensorRole.allCases.first {
        !$0.isPerLayer && $0 != .head && name($0).map { stem == $0 } == true
      }
      .map { TensorPlace($0, isBias: isBias) }
    }

    if headNames.contains(where: { stem == $0 }) { return TensorPlace(.head, isBias: isBias) }
    for prefix in prefixes where stem.hasPrefix(prefix) {
      if let place = match(stem.dropFirst(prefix.count), layers: layers, name: { names[$0] }) { return place }
    }
    guard !architectures.isEmpty else { return nil }
    if stem == TensorRole.head.ggufName { return TensorPlace(.head, isBias: isBias) }
    return match(stem, layers: Self.ggufLayers, name: { names[$0] == nil ? nil : $0.ggufName })
  }

  /// The names a tensor may have in a container, the usual one first; none where the family has no such tensor.
  public func tensorNames(of place: TensorPlace, in format: ModelFile.Format) -> [String] {
    guard let name = names[place.role] else { return [] }
    let ending = place.isBias ? ".bias" : ".weight"
    let layer = place.layer.map { "\($0)." }
    switch format {
    case .gguf:
      guard !architectures.isEmpty else { return [] }
      return [(layer.map { Self.ggufLayers + $0 } ?? "") + place.role.ggufName + ending]
    case .safetensors:
      if place.role == .head { return headNames.map { $0 + ending } }
      return prefixes.map { $0 + (layer.map { layers + $0 } ?? "") + name + ending }
    }
  }

  /// The head's own name, and the one that transformers 5 gives it in every family.
  private var headNames: [String] {
    guard let name = names[.head] else { return [] }
    return name == "lm_head" ? [name] : [name, "lm_head"]
  }

  /// The name a tensor has in a model.
  public func tensorName(of place: TensorPlace, in model: ModelFile) -> String? {
    tensorNames(of: place, in: model.format).first { model.contains($0) }
  }

  /// Whether a weight is stored [input, output].
  public func storesInputMajor(_ role: TensorRole, in format: ModelFile.Format) -> Bool {
    format == .safetensors && inputMajor.contains(role)
  }

  /// How a GGUF file orders a weight's rows, where a safetensors file orders them otherwise.
  public func ggufRowOrder(of role: TensorRole) -> RowOrder? { ggufRows[role] }

  /// The layer whose down-projection has this name in this family.
  public func layer(ofDownProjection tensor: String) -> Int? {
    guard let place = place(of: tensor), place.role == .down, !place.isBias else { return nil }
    return place.layer
  }

  /// Whether the weight of this name is stored [input, output].
  public func storesInputMajor(_ tensor: String) -> Bool {
    guard let place = place(of: tensor) else { return false }
    return inputMajor.contains(place.role)
      && !tensorNames(of: place, in: .gguf).contains(tensor)
  }
}
