internal import Floor
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization

extension PortedTensor {
  /// The update as one of the model's own tensor, for the kernels.
  private var shape: LowRankForm {
    LowRankForm(
      tensor: TensorForm(tensor), orientation: orientation, rank: update.rank,
      factorType: change.shape.factorType, rounding: rounding)
  }

  private func storedFactors() throws -> StoredFactors {
    try StoredFactors(update, type: change.shape.factorType, tensor: tensor.name)
  }

  /// As the patch rounds, where the model's type knows it.
  var rounding: TensorChange.Rounding {
    change.shape.rounding.isDefined(for: tensor.elementType) ? change.shape.rounding : .nearest
  }

  /// Adds the change to a patch of the model, where elements stand alone or codes were chosen.
  func append(to writer: PatchWriter, of model: ModelFile, threads: Int) throws -> UpdateMeasure {
    let meter = UpdateMeter()
    let observe = try observer(meter)
    if let chosen {
      try writer.append(
        update, rounded: chosen.bytes, to: tensor, of: model, orientation: orientation,
        options: options(threads),
        observe: observe, measured: { measure(meter).json })
      return measure(meter)
    }
    try writer.append(
      update, to: tensor, of: model, orientation: orientation, options: options(threads), observe: observe,
      measured: { meter.total.json })
    return meter.total
  }

  private func options(_ threads: Int) -> LowRankOptions {
    var options = LowRankOptions()
    options.factorType = change.shape.factorType
    options.rounding = rounding
    options.threads = threads
    return options
  }

  private func observer(_ meter: UpdateMeter) throws -> @Sendable (EditedTile) -> Void {
    let sums = LowRankSums(try storedFactors(), shape)
    return { tile in
      var measure = UpdateMeasure()
      sums.forEachRun(in: tile.elements, LowRankSums.Scratch()) { run, sums in
        let start = run.lowerBound - tile.elements.lowerBound
        for index in 0..<run.count {
          measure.add(base: tile.base[start + index], edited: tile.edited[start + index], update: sums[index])
        }
      }
      meter.put(measure, at: tile.elements.lowerBound)
    }
  }

  /// What was measured of all elements, and at the keys where codes were chosen.
  private func measure(_ meter: UpdateMeter) -> UpdateMeasure {
    var measure = meter.total
    if let chosen { (measure.keyProduct, measure.keySquare) = (chosen.retention, 1) }
    return measure
  }

  /// Computes everything and keeps only what was measured.
  func measure(in model: ModelFile, threads: Int) throws -> UpdateMeasure {
    if let chosen {
      let meter = UpdateMeter()
      try tensor.observe(
        chosen.bytes, as: tensor.elementType, in: model.file(of: tensor), threads: threads, observer(meter))
      return measure(meter)
    }
    guard !isOfBlocks else {
      return try convert(in: model, threads: threads) { _, _ in }
    }
    let meter = UpdateMeter()
    try LowRankTile.forEach(
      TileTransform(storedFactors(), shape), of: tensor, in: model.file(of: tensor), threads: threads,
      observe: observer(meter), take: { _ in })
    return meter.total
  }

  /// Elements turned into numbers at once: some rows.
  private static let windowElements = 1 << 17

  /// Decodes the tensor, adds the sums and encodes it in its new type; gives out the bytes window by window, from several
  /// threads, with their offset in the new tensor.
  ///
  /// An element is fl32(w + s), rounded once; where elements share scales, what ggml's encoding makes of it.
  func convert(
    in model: ModelFile, threads: Int, _ write: @Sendable ([UInt8], Int) throws -> Void
  ) throws -> UpdateMeasure {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let windowRows = max(1, Self.windowElements / columns)
    let sums = LowRankSums(try storedFactors(), shape)
    let file = model.file(of: tensor)
    let meter = UpdateMeter()
    try parallelFor((rows + windowRows - 1) / windowRows, width: threads, state: { LowRankSums.Scratch() }) {
      window, scratch in
      let first = window * windowRows
      let elements = first * columns..<min(rows, first + windowRows) * columns
      let place = tensor.elementType.bytes(of: elements)
      let base = tensor.elementType.decoded(
        try file.read(place.count, at: tensor.byteRange.lowerBound + place.lowerBound))
      var wanted = base
      var updates = [Float](repeating: 0, count: base.count)
      sums.forEachRun(in: elements, scratch) { run, sums in
        let start = run.lowerBound - elements.lowerBound
        for index in 0..<run.count {
          updates[start + index] = sums[index]
          wanted[start + index] += sums[index]
        }
      }
      let bytes: [UInt8]
      do throws(ModelFileError.Reason) { bytes = try resultType.encoded(wanted) } catch {
        throw ModelFileError(error, file: file.path, tensor: tensor.name)
      }
      let edited = resultType.decoded(bytes)
      var measure = UpdateMeasure()
      for index in base.indices {
        // After rounding, against the base: an update that overflows already as F32 is none either.
        guard edited[index].isFinite || !base[index].isFinite else {
          throw PortError.outOfRange(
            tensor: tensor.name, index: elements.lowerBound + index, elementType: resultType)
        }
        measure.add(base: base[index], edited: edited[index], update: updates[index])
      }
      if let keys, orientation == .outputMajor {
        let rows = base.count / columns
        measure.add(
          moved: Matrix(rows: rows, columns: columns, elements: zip(edited, base).map { $0 - $1 }),
          update: Matrix(rows: rows, columns: columns, elements: updates), at: keys)
      }
      meter.put(measure, at: window)
      try write(bytes, resultType.bytes(of: elements).lowerBound)
    }
    return meter.total
  }
}

extension ElementType {
  /// The bytes of whole blocks of elements.
  fileprivate func bytes(of elements: Range<Int>) -> Range<Int> {
    let size = bitCount / 8
    return elements.lowerBound / blockElementCount * size..<elements.upperBound / blockElementCount * size
  }
}
