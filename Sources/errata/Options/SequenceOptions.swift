import ArgumentParser
import Editing

/// Which edits are solved for together.
struct SequenceOptions: ParsableArguments {
  enum Sequence: String, ExpressibleByArgument, CaseIterable { case resolve, accumulate }

  @Option(
    help:
      "resolve: all edits are one problem on the base; accumulate: each batch on top of the last, as published."
  )
  var sequence = Sequence.resolve
  @Option(
    help:
      "A patch made by edit on the same model: its facts are solved for together with the new ones, from the base, as its plan says; a fact edited again replaces the older one.",
    completion: .file()
  )
  var onto: String?
  @Option(help: "A fact of --onto to leave out; may be given several times.")
  var drop: [String] = []
  @Flag(help: "accumulate: scale each value back to the norm it would have on the unedited model.")
  var normAnchor = false
  @Flag(help: "Leave out of the patch what --onto and --drop need (keys, residuals and values).")
  var noResolve = false
  @Option(help: "Facts in a batch of --sequence accumulate (default: all; rome: 1).")
  var batch: Int?

  func validate() throws {
    if let batch, batch < 1 { throw ValidationError("--batch takes a number above zero.") }
    if !drop.isEmpty, onto == nil {
      throw ValidationError("--drop names a fact of the patch given with --onto.")
    }
    if onto != nil, sequence == .accumulate {
      throw ValidationError(
        "--onto solves all edits from the base. To accumulate, edit the applied model and `errata combine` both patches."
      )
    }
    if noResolve, sequence == .accumulate {
      throw ValidationError(
        "--sequence accumulate keeps nothing to solve again with: --no-resolve does not apply.")
    }
  }

  func fill(_ options: inout PlanOptions) {
    options.accumulates = sequence == .accumulate
    options.batch = batch
    options.anchorsNorm = normAnchor
  }
}
