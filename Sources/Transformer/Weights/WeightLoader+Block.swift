internal import ModelFiles

extension WeightLoader {
  func block(_ layer: Int) throws -> Block {
    let c = configuration
    let places = c.normPlaces
    func norm(_ role: TensorRole, if isThere: Bool) throws -> Norm? {
      isThere ? try self.norm(role, layer: layer) : nil
    }
    return Block(
      attentionNorm: try norm(.attentionNorm, if: places.hasBefore),
      feedForwardNorm: try norm(.feedForwardNorm, if: places.hasBefore && c.block != .parallelSharedNorm),
      attention: try attention(layer), feedForward: try feedForward(layer),
      attentionAddition: Addition(
        norm: try norm(.attentionOutputNorm, if: places.hasAfter), factor: c.factors.residual),
      feedForwardAddition: Addition(
        norm: try norm(.feedForwardOutputNorm, if: places.hasAfter), factor: c.factors.residual),
      order: c.block, window: c.windows[layer])
  }

  private func attention(_ layer: Int) throws -> Attention {
    let c = configuration
    let isFused = isStored(.queryKeyValue, or: .query, layer)
    let shape = Attention.Shape(
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, headWidth: c.headWidth,
      isByGroup: isFused && model.format == .safetensors
        && c.family.ggufRowOrder(of: .queryKeyValue) == .byKind)
    var projections: [(weight: Linear, column: Int)] = []
    if isFused {
      projections.append(
        (try linear(.queryKeyValue, layer: layer, outputs: shape.projectedWidth, inputs: c.width), 0))
    } else {
      projections = [
        (try linear(.query, layer: layer, outputs: shape.queryWidth, inputs: c.width), shape.query(0)),
        (try linear(.key, layer: layer, outputs: shape.keyValueWidth, inputs: c.width), shape.key(0)),
        (try linear(.value, layer: layer, outputs: shape.keyValueWidth, inputs: c.width), shape.value(0)),
      ]
    }
    return Attention(
      projections: projections,
      output: try linear(.attentionOutput, layer: layer, outputs: c.width, inputs: shape.queryWidth),
      shape: shape,
      scale: c.factors.attention.map { Float($0) } ?? 1 / Float(c.headWidth).squareRoot(),
      cap: c.factors.attentionCap, growth: c.factors.queryGrowth, norms: try headNorms(shape, layer))
  }

  private func headNorms(_ shape: Attention.Shape, _ layer: Int) throws -> Attention.HeadNorms? {
    let (query, key) =
      switch configuration.headNorms {
      case .none: (0, 0)
      case .each: (shape.headWidth, shape.headWidth)
      case .whole: (shape.queryWidth, shape.keyValueWidth)
      }
    guard query > 0 else { return nil }
    return Attention.HeadNorms(
      query: try norm(.queryNorm, layer: layer, count: query),
      key: try norm(.keyNorm, layer: layer, count: key))
  }

  private func feedForward(_ layer: Int) throws -> MLP {
    if let routing = configuration.experts, routing.layers[layer] {
      return .experts(try experts(layer, routing))
    }
    return .one(try feedForward(of: layer))
  }

  private func experts(_ layer: Int, _ routing: ExpertRouting) throws -> Experts {
    let c = configuration
    let gates = try experts(.expertGate, layer, routing.count, outputs: routing.width, inputs: c.width)
    let ups = try experts(.expertUp, layer, routing.count, outputs: routing.width, inputs: c.width)
    let downs = try experts(.expertDown, layer, routing.count, outputs: c.width, inputs: routing.width)
    return Experts(
      router: try linear(.router, layer: layer, outputs: routing.count, inputs: c.width),
      experts: (0..<routing.count).map {
        FeedForward(gate: gates[$0], up: ups[$0], down: downs[$0], activation: c.activation)
      }, routing: routing)
  }

  private func feedForward(of layer: Int) throws -> FeedForward {
    let c = configuration
    func linear(_ role: TensorRole) throws -> Linear {
      try self.linear(role, layer: layer, outputs: c.feedForwardWidth, inputs: c.width)
    }
    let (gate, up): (Linear?, Linear)
    if c.isGated, isStored(.gateUp, or: .up, layer) {
      (gate, up) = try linears(.gateUp, layer: layer, outputs: c.feedForwardWidth, inputs: c.width)
    } else {
      (gate, up) = (c.isGated ? try linear(.gate) : nil, try linear(.up))
    }
    return FeedForward(
      gate: gate, up: up,
      down: try self.linear(.down, layer: layer, outputs: c.width, inputs: c.feedForwardWidth),
      activation: c.activation)
  }

  /// Whether a weight of several parts is stored as one: by what is there, or else by the family's names.
  private func isStored(_ whole: TensorRole, or part: TensorRole, _ layer: Int) -> Bool {
    let family = configuration.family
    func names(_ role: TensorRole) -> Bool {
      !family.tensorNames(of: TensorPlace(role, layer: layer), in: model.format).isEmpty
    }
    guard names(whole), names(part) else { return names(whole) }
    return family.tensorName(of: TensorPlace(whole, layer: layer), in: model) != nil
  }
}
