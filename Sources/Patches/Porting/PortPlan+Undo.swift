internal import LinearAlgebra
internal import ModelFiles

extension PortPlan {
  /// Writes the patch from the model to its edited form, and back; measures in the order of `tensors`.
  public func writeUndo(
    to path: String, tool: String, progress: (Int) -> Void = { _ in }
  ) throws -> (PatchFile, [UpdateMeasure]) {
    guard !Folder.occupied(path) else { throw PortError.undoExists(path: path) }
    let folder = try ScratchFolder(beside: path)
    defer { withExtendedLifetime(folder) {} }
    let converted = try convert(to: folder, progress: progress)
    let writer = try PatchWriter(path)
    var measures: [UpdateMeasure] = []
    for (index, ported) in tensors.enumerated() {
      if ported.isConverted, let converted {
        measures.append(converted.measures[index])
        try append(ported, of: converted.model, to: writer)
      } else {
        measures.append(try ported.append(to: writer, of: model, threads: threads))
        progress(ported.tensor.byteCount)
      }
    }
    var layout: (base: ModelLayout, result: ModelLayout)?
    if let converted, changesLayout { layout = try layouts(converted.model) }
    let undo = try writer.finish(
      tool: tool, family: model.modelType, edit: patch.manifest["edit"], layout: layout)
    return (undo, measures)
  }

  /// Adds a tensor of blocks as it is and as it becomes.
  private func append(_ ported: PortedTensor, of converted: ModelFile, to writer: PatchWriter) throws {
    let name = ported.tensor.name
    guard ported.resultType == ported.tensor.elementType else {
      return try writer.appendWhole(name, from: model, to: converted, threads: threads)
    }
    let after = try converted.tensor(name)
    let pair = TensorPair(
      before: ported.tensor, after: after, base: model.file(of: ported.tensor),
      edited: .file(converted.file(of: after)))
    try writer.appendDifference(pair, threads: threads, progress: { _ in })
  }

  private func layouts(_ converted: ModelFile) throws -> (base: ModelLayout, result: ModelLayout) {
    guard try ModelLayout.isComplete(model) else { throw PortError.notRestorable(model: model.path) }
    let base = try ModelLayout(of: model)
    // The copy stands in a folder of its own; whether the model does is the user's affair.
    return (base, ModelLayout(isFolder: base.isFolder, files: try ModelLayout(of: converted).files))
  }

  /// A copy of the model in which the tensors of blocks are as they become; other touched tensors are as they were.
  private func convert(
    to folder: ScratchFolder, progress: (Int) -> Void
  ) throws -> (model: ModelFile, measures: UpdateMeter)? {
    guard tensors.contains(where: \.isConverted) else { return nil }
    let measures = UpdateMeter()
    for (shard, file) in model.shards.enumerated() {
      let path = folder.path(Folder.name(of: file.path))
      let own = tensors.indices.filter { tensors[$0].isConverted && tensors[$0].tensor.shard == shard }
      if own.allSatisfy({ tensors[$0].resultType == tensors[$0].tensor.elementType }) {
        // The same header: only numbers change.
        let copy = try OpenFile(path, .creating)
        try copy.copy(0..<file.size(), of: file, to: 0)
        for index in own {
          try convert(index, to: copy, at: tensors[index].tensor.byteRange.lowerBound, measures)
          progress(tensors[index].tensor.byteCount)
        }
        continue
      }
      var replacing: [String: NewTensor] = [:]
      for index in own {
        let (name, type, shape) = (
          tensors[index].tensor.name, tensors[index].resultType, tensors[index].tensor.shape
        )
        replacing[name] = NewTensor(name: name, elementType: type, shape: shape) { output, offset in
          try self.convert(index, to: output, at: offset, measures)
        }
      }
      try GGUFWriter.rewrite(model.ggufHeaders[shard], of: file, replacing: replacing, to: path)
      for index in own { progress(tensors[index].tensor.byteCount) }
    }
    return (try ModelFile(folder.path(Folder.name(of: model.shards[0].path))), measures)
  }

  private func convert(
    _ index: Int, to file: OpenFile, at offset: Int, _ measures: UpdateMeter
  ) throws {
    let measure = try tensors[index].convert(in: model, threads: threads) {
      try file.write($0, at: offset + $1)
    }
    measures.put(measure, at: index)
  }
}

extension PortPlan {
  /// Refuses a plan whose result must be a new file.
  public func requireSameLayout() throws(PortError) {
    for ported in tensors where ported.resultType != ported.tensor.elementType {
      throw .promotionNeedsNewFile(
        tensor: ported.tensor.name, file: model.file(of: ported.tensor).path, from: ported.tensor.elementType,
        to: ported.resultType)
    }
  }

  /// Applies the undo; if that fails and the model is as it was, the undo goes too: nothing was changed.
  public func keeping<Result>(_ undo: PatchFile, _ apply: () throws -> Result) throws -> Result {
    do { return try apply() } catch let error as InPlaceFailure {
      // The model is not what it was, or may not stay so: the undo is what leads back.
      throw error
    } catch {
      Folder.remove(undo.path)
      throw error
    }
  }
}
