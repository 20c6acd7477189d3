extension ModelFamily {
  /// How a converter to GGUF orders the rows of a weight.
  public enum RowOrder: Sendable {
    /// Within a head, the halves of the rotary pairs are interleaved: row i of the first half, row i of the second, …
    case rotaryPairs
    /// Rows that lie key head by key head, as its queries, its key and its value, become all queries, then all keys, then all
    /// values.
    case byKind
  }

  /// What a tensor of this name is for, in either container; `nil` for a name that is none of the family's.
  public func place(of tensor: String) -> TensorPlace? {
    if let part = TensorSlice(tensor), let whole = place(of: part.stack), whole.role.isOfExperts,
      whole.expert == nil
    {
      return TensorPlace(whole.role, layer: whole.layer, isBias: whole.isBias, expert: part.index)
    }
    let isBias = tensor.hasSuffix(".bias")
    guard isBias || tensor.hasSuffix(".weight") else { return nil }
    let stem = tensor.dropLast(isBias ? ".bias".count : ".weight".count)

    for wrapper in TensorNames.wrappers where stem.hasPrefix(wrapper) {
      let own = stem.dropFirst(wrapper.count)
      if tensors.headNames.contains(where: { own == $0 }) { return TensorPlace(.head, isBias: isBias) }
    }
    for (layers, rest) in splits(stem, in: .safetensors) {
      let place = match(rest, layer: layers, isBias: isBias) { tensors.name(of: $0, in: .safetensors) }
      if let place { return place }
    }
    guard !architectures.isEmpty else { return nil }
    if stem == TensorRole.head.ggufName { return TensorPlace(.head, isBias: isBias) }
    for (layer, rest) in splits(stem, in: .gguf) {
      let place = match(rest, layer: layer, isBias: isBias) { tensors.name(of: $0, in: .gguf) }
      if let place { return place }
    }
    return nil
  }

  /// Whether some networks of the family choose among experts.
  var knowsExperts: Bool { tensors.names[.router] != nil }

  /// Whether a name is that of a tensor of some layer, known or not.
  func isOfLayer(_ tensor: String) -> Bool {
    splits(tensor[...], in: .safetensors).contains { $0.layer != nil }
      || !architectures.isEmpty && splits(tensor[...], in: .gguf).contains { $0.layer != nil }
  }

  /// Whether a tensor is no weight, but a mask or angles that a file carries along.
  func isBuffer(_ tensor: String) -> Bool {
    splits(tensor[...], in: .safetensors).contains {
      $0.layer != nil && tensors.buffers.contains(String($0.rest))
    }
  }

  /// The ways to take what stands before a name away from it: the rest, with the layer whose number stood there.
  private func splits(
    _ stem: Substring, in format: ModelFile.Format
  ) -> [(layer: Int?, rest: Substring)] {
    let (prefixes, layers) =
      format == .gguf ? ([""], TensorNames.ggufLayers) : (tensors.allPrefixes, tensors.layers)
    var splits: [(layer: Int?, rest: Substring)] = []
    for prefix in prefixes where stem.hasPrefix(prefix) {
      let own = stem.dropFirst(prefix.count)
      if own.hasPrefix(layers) {
        let rest = own.dropFirst(layers.count)
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        if let layer = Int(digits), rest.dropFirst(digits.count).first == "." {
          splits.append((layer, rest.dropFirst(digits.count + 1)))
        }
      }
      splits.append((nil, own))
    }
    return splits
  }

  private func match(
    _ rest: Substring, layer: Int?, isBias: Bool, name: (TensorRole) -> String?
  ) -> TensorPlace? {
    for role in TensorRole.allCases where role != .head && role.isPerLayer == (layer != nil) {
      guard let name = name(role) else { continue }
      if rest == name { return TensorPlace(role, layer: layer, isBias: isBias) }
      if let expert = TensorNames.expert(in: rest, of: name) {
        return TensorPlace(role, layer: layer, isBias: isBias, expert: expert)
      }
    }
    return nil
  }

  /// The names a tensor usually has in a container, the published one first; none where the family has no such tensor.
  public func tensorNames(of place: TensorPlace, in format: ModelFile.Format) -> [String] {
    names(of: place, in: format, wrappers: [""])
  }

  private func names(
    of place: TensorPlace, in format: ModelFile.Format, wrappers: [String]
  ) -> [String] {
    guard let pattern = tensors.name(of: place.role, in: format) else { return [] }
    // Where one tensor holds all experts, one of them is a part of it.
    let part = place.expert.flatMap { TensorNames.holdsAll(pattern) ? "[\($0)]" : nil }
    guard let name = TensorNames.name(pattern, expert: part == nil ? place.expert : nil) else { return [] }
    let ending = (place.isBias ? ".bias" : ".weight") + (part ?? "")
    let layer = place.layer.map { "\($0)." }
    switch format {
    case .gguf:
      guard !architectures.isEmpty else { return [] }
      return [(layer.map { TensorNames.ggufLayers + $0 } ?? "") + name + ending]
    case .safetensors:
      return wrappers.flatMap { wrapper in
        place.role == .head
          ? tensors.headNames.map { wrapper + $0 + ending }
          : tensors.prefixes.map { wrapper + $0 + (layer.map { tensors.layers + $0 } ?? "") + name + ending }
      }
    }
  }

  /// The name a tensor has in a model, behind whatever a program has put before it.
  public func tensorName(of place: TensorPlace, in model: ModelFile) -> String? {
    names(of: place, in: model.format, wrappers: TensorNames.wrappers).first { model.holds($0) }
  }

  /// Whether a weight is stored [input, output].
  public func storesInputMajor(_ role: TensorRole, in format: ModelFile.Format) -> Bool {
    format == .safetensors && tensors.inputMajor.contains(role)
  }

  /// How a GGUF file orders a weight's rows, where a safetensors file orders them otherwise.
  public func ggufRowOrder(of role: TensorRole) -> RowOrder? { tensors.ggufRows[role] }

  /// The layer whose down-projection has this name in this family.
  public func layer(ofDownProjection tensor: String) -> Int? {
    guard let place = place(of: tensor), place.role == .down, !place.isBias else { return nil }
    return place.layer
  }

  /// Whether the weight of this name is stored [input, output].
  public func storesInputMajor(_ tensor: String) -> Bool {
    guard let place = place(of: tensor) else { return false }
    return tensors.inputMajor.contains(place.role)
      && !tensorNames(of: place, in: .gguf).contains(tensor)
  }
}
