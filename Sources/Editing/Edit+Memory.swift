internal import LinearAlgebra
internal import ModelFiles
internal import Patches
public import Transformer

/// A network with edits in it.
public struct EditedNetwork {
  /// The network.
  public let network: Network
  /// ‖Δ‖ / ‖W‖ by weight, sorted by name.
  public let norms: [(weight: String, relativeNorm: Double)]
  /// Whether it goes on from an earlier edit.
  public let goesOn: Bool
  /// The edit, not stored yet.
  let run: Edit.Run
  let batches: Edit.Batches

  /// Bytes of a patch of the edit, but for its facts' lines: it is written and removed again.
  ///
  /// - Parameter scratch: where it may lie meanwhile.
  public func patchByteCount(scratch: String) throws -> Int {
    let writer = try PatchWriter(scratch)
    defer { Folder.remove(scratch) }
    _ = try run.store(batches.weights!, batches.values, in: writer)
    return try writer.finish(tool: "errata", family: nil, edit: nil).byteCount
  }
}

extension Edit {
  /// Does the edit in memory: nothing is measured but norms, and no patch stays.
  ///
  /// The weights are rounded as a patch of the same plan leaves them, to the last bit.
  ///
  /// - Parameter earlier: an edit by the same plan whose batches are the first of this one's; they are not done again.
  public func edited(after earlier: EditedNetwork? = nil) throws -> EditedNetwork {
    try requireEditableWeights()
    let run = try begin()
    let earlier = run.batches(goingOnFrom: earlier?.batches)
    let batches = try run.solve(after: earlier) { _ in }
    let weights = batches.weights!
    let norms = try weights.updates.map { ($0.tensor.name, try relativeNorm(of: $0)) }
    return EditedNetwork(
      network: try network.overlaid(weights.overlay), norms: norms.sorted { $0.0 < $1.0 },
      goesOn: earlier != nil, run: run, batches: batches)
  }

  /// Of matrices and of vectors alike: biases of added neurons are edited too.
  private func relativeNorm(of update: WeightUpdate) throws -> Double {
    let tensor = update.tensor
    func base() throws -> [Float] {
      let bytes = try network.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
      return tensor.elementType.decoded(bytes)
    }
    func measure() throws -> Double { try base().squaredNorm.squareRoot() }
    let norm = try metrics?.norm(of: tensor.name, measure: measure) ?? measure()
    if let solution = update.solution { return solution.updateNorm / norm }
    guard let trained = update.trained else { return 0 }
    let edited = tensor.elementType.decoded(trained.bytes)
    let change = zip(edited, try base()).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }
    return change.squareRoot() / norm
  }
}

extension [Float] {
  /// Σ x², in `Double`.
  fileprivate var squaredNorm: Double { reduce(0) { $0 + Double($1) * Double($1) } }
}
