public import ModelFiles

/// A patch carried over to another form of its model: another container, another element type.
///
/// The base's digests cannot match, so other things are compared before anything is written: the family, the shapes, and a
/// sample of the weights. What comes of it is an ordinary patch of the model at hand, which is applied as any other and
/// takes the change back, bit for bit: the *undo*.
public struct PortPlan: Sendable {
  /// The patch.
  public let patch: PatchFile
  /// The model that it is carried over to.
  public let model: ModelFile
  /// Threads to use.
  public let threads: Int
  /// Touched tensors, by their names in the model.
  public private(set) var tensors: [PortedTensor]

  /// Whether some tensor gets another element type, so that headers change and the result must be a new file.
  public var changesLayout: Bool { tensors.contains { $0.resultType != $0.tensor.elementType } }

  /// Finds every tensor and compares.
  public init(_ patch: PatchFile, _ model: ModelFile, promotion: Promotion, threads: Int) throws {
    self.patch = patch
    self.model = model
    self.threads = threads
    let changes = try PortPlan.lowRankChanges(of: patch)
    let family = try PortPlan.family(of: patch, model)
    let placed = try changes.map { try PlacedChange($0.change, $0.name, of: family, patch: patch.path) }
    let heads =
      placed.contains { $0.needsHeads(for: model.format) } ? try AttentionHeads(of: model) : nil
    tensors = try placed.map {
      try PortedTensor($0, of: patch, in: model, heads: heads, promotion: promotion)
    }.sorted { $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8) }
  }

  /// Chooses the codes of quantized tensors that keep their type.
  ///
  /// - Parameter objective: what a tensor's rounding is to lose least of; `nil` where nothing says so, and then each element is rounded by
  ///   itself.
  /// - Throws: `PatchError.updateNotFinite`, and what `objective` does.
  public mutating func chooseCodes(
    by objective: (PortedTensor) throws -> RoundingObjective?, progress: (Int) -> Void = { _ in }
  ) throws {
    for index in tensors.indices where tensors[index].canChoose {
      let ported = tensors[index]
      defer { progress(ported.tensor.byteCount) }
      guard let objective = try objective(ported) else { continue }
      let bytes = try model.file(of: ported.tensor).read(
        ported.tensor.byteCount, at: ported.tensor.byteRange.lowerBound)
      let rounding = try AwareRounding(
        .factors(ported.update), of: ported.tensor, bytes: bytes, threads: threads)
      tensors[index].chosen = try rounding.round(keeping: objective)
    }
  }

  /// The least share of the wanted outputs at the edits' keys that chosen codes keep in some tensor; `nil` where none were chosen for a
  /// tensor whose elements share scales.
  public var leastRetention: Double? {
    let blocks = tensors.filter(\.isOfBlocks)
    let chosen = blocks.compactMap(\.chosen)
    return chosen.count == blocks.count ? chosen.map(\.retention).min() ?? 1 : nil
  }

  /// The changes of a patch that is nothing but factors; of another it says what it is.
  private static func lowRankChanges(
    of patch: PatchFile
  ) throws(PortError) -> [(name: String, change: LowRankChange)] {
    var parts = patch.changes.filter { $0.lowRank == nil }.map { "\($0.name) (\($0.label))" }
    if patch.changesLayout { parts.append("headers or files") }
    guard parts.isEmpty else { throw .notLowRank(patch: patch.path, parts: parts) }
    guard !patch.changes.isEmpty else { throw .nothingLowRank(patch: patch.path) }
    return patch.changes.compactMap { change in change.lowRank.map { (change.name, $0) } }
  }

  /// The family that patch and model agree on; one of them may say nothing.
  static func family(of patch: PatchFile, _ model: ModelFile?) throws(PortError) -> ModelFamily {
    let own = patch.manifest["model"]?["family"]?.text
    guard let name = own ?? model?.modelType, let family = ModelFamily.named(name) else {
      throw .unknownFamily(
        file: own == nil ? model?.path ?? patch.path : patch.path, family: own ?? model?.modelType)
    }
    if let model, let type = model.modelType, ModelFamily.named(type) != family {
      throw .otherFamily(model: model.path, expected: family.name, found: type)
    }
    return family
  }

  /// Computes everything and writes nothing; measures in the order of `tensors`.
  public func measure(progress: (Int) -> Void = { _ in }) throws -> [UpdateMeasure] {
    try tensors.map { ported in
      defer { progress(ported.tensor.byteCount) }
      return try ported.measure(in: model, threads: threads)
    }
  }
}
