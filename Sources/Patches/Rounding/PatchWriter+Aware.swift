internal import Floor
public import LinearAlgebra
public import ModelFiles

extension PatchWriter {
  /// Adds an update that an objective has rounded: its factors, and the differences between the base's bytes and the result's.
  ///
  /// - Parameters:
  ///   - factors: what was wanted. Left `[outputWidth × rank]`, right `[rank × inputWidth]`.
  ///   - rounded: what became of it, as many bytes as the tensor has.
  ///   - observe: called with all elements, some rows at a time, before and after.
  ///   - measured: what to note for people, asked for after all was observed.
  /// - Throws: `notAMatrix`, `factorShape`, `factorNotFinite`, `updateTooLarge`, `roundingNotDefined`.
  public func append(
    _ factors: LowRankFactors, rounded: [UInt8], to tensor: TensorInfo, of model: ModelFile,
    orientation: TensorChange.Orientation, options: LowRankOptions,
    observe: (@Sendable (EditedTile) -> Void)? = nil, measured: () -> JSONValue? = { nil }
  ) throws {
    precondition(rounded.count == tensor.byteCount, "the bytes of one tensor")
    var options = options
    options.rounding = .aware
    let shape = try LowRankForm(of: factors, for: tensor, orientation, options)
    let stored = try StoredFactors(factors, type: options.factorType, tensor: tensor.name)
    let file = model.file(of: tensor)
    let pair = TensorPair(
      before: tensor, after: tensor, base: file, edited: .bytes(rounded, at: tensor.byteRange.lowerBound))
    let coder = try DifferenceCoder(pair)
    let differences = try aside()
    var leaves: [(base: Digest, result: Digest)] = []
    try forEachTile(
      pair.tileCount, threads: options.threads, state: { PairScratch() },
      { tile, scratch in try coder.code(tile, scratch) },
      take: { tile in
        try differences.append(tile.block)
        leaves.append((tile.base, tile.result))
      })
    if let observe {
      try tensor.observe(rounded, as: tensor.elementType, in: file, threads: options.threads, observe)
    }
    try append(
      stored, shape, leaves, sample: try WeightSample(of: tensor, in: file, shape), to: tensor,
      measured: measured()
    ) { $0.differences = try append(differences) }
  }
}

extension TensorInfo {
  /// Shows the elements of both sides, whole rows at a time: tiles cut blocks.
  ///
  /// - Parameters:
  ///   - edited: the tensor afterwards, in a type.
  ///   - body: called from several threads.
  public func observe(
    _ edited: [UInt8], as type: ElementType, in file: OpenFile, threads: Int,
    _ body: @Sendable (EditedTile) -> Void
  ) throws {
    let (rows, columns) = (shape[0], shape[1])
    let windowRows = max(1, (1 << 17) / columns)
    try parallelFor((rows + windowRows - 1) / windowRows, width: threads, state: {}) { window, _ in
      let elements = window * windowRows * columns..<min(rows, (window + 1) * windowRows) * columns
      let place = elementType.bytes(ofElements: elements)
      let before = elementType.decoded(
        try file.read(place.count, at: byteRange.lowerBound + place.lowerBound))
      let after = type.decoded(Array(edited[type.bytes(ofElements: elements)]))
      before.withUnsafeBufferPointer { before in
        after.withUnsafeBufferPointer { after in
          body(EditedTile(elements: elements, base: before, edited: after))
        }
      }
    }
  }

  /// The tensor with an update added, in another type: each element rounded by itself, or a block as its type's own quantizer does.
  ///
  /// - Throws: `notAMatrix`, `factorShape`; `ModelFileError` for numbers that are not finite.
  public func promoted(
    _ update: Matrix<Float>, bytes: [UInt8], to type: ElementType
  ) throws -> [UInt8] {
    try requireWeight()
    guard [update.rows, update.columns] == shape else {
      throw PatchError.factorShape(tensor: name, expected: shape, found: [update.rows, update.columns])
    }
    let sums = zip(elementType.decoded(bytes), update.elements).map { $0 + $1 }
    do throws(ModelFileError.Reason) { return try type.encoded(sums) } catch {
      throw PatchError.updateNotFinite(tensor: name, index: sums.firstIndex { !$0.isFinite } ?? 0)
    }
  }
}
