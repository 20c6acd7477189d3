internal import LinearAlgebra
internal import ModelFiles
public import Patches

/// Chooses codes where a patch is carried over to a quantized form of its model: by the objective of the edit that the patch carries.
///
/// What known keys cost comes from second moments of the model at hand, where there are any, else from those that the patch carries.
public struct PortedRounding {
  private let settings: UpdateSettings
  private let statistics: StatisticsFile?
  private let patch: PatchFile
  /// Weights whose known keys nothing is known of.
  public private(set) var unweighted: [String] = []

  /// Reads how the edit was solved for; `nil` for a patch that does not say, such as one that was found by `diff`.
  public init?(_ patch: PatchFile, statistics: StatisticsFile?) {
    guard let edit = patch.manifest["edit"], let plan = try? EditPlan(ofEdit: edit, of: patch) else {
      return nil
    }
    settings = plan.solverSettings
    self.patch = patch
    self.statistics = statistics
  }

  /// What the rounding of a tensor is to lose least of; `nil` where the patch does not carry its edits.
  ///
  /// - Throws: what reading statistics does.
  public mutating func objective(for ported: PortedTensor) throws -> RoundingObjective? {
    guard let keys = ported.keys, let own = try StoredEdits(of: ported.source, in: patch) else { return nil }
    let energies = (0..<own.keys.rows).map { Array(own.keys.row($0)).dot(Array(own.directions.row($0))) }
    var preservation = RoundingPreservation(settings, energies: energies)
    if preservation.usesMoment {
      preservation.moment = try moment(for: ported, own)
      if preservation.moment == nil { unweighted.append(ported.tensor.name) }
    }
    return RoundingObjective(diagonal: preservation.diagonal(width: keys.columns), keys: keys)
  }

  private func moment(for ported: PortedTensor, _ own: StoredEdits) throws -> [Double]? {
    if let statistics {
      let name = [ported.tensor.name, ported.source].first { statistics.weights.contains($0) }
      let moment = try statistics.secondMomentDiagonal(of: name ?? ported.tensor.name)
      guard moment.count == own.keys.columns else {
        throw EditError.ofStatistics(
          file: statistics.container.path, weight: name ?? ported.tensor.name,
          .widthsDiffer(keys: own.keys.columns, secondMoment: moment.count))
      }
      return moment
    }
    return own.moment?.elements
  }
}
