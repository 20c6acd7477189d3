import ArgumentParser
import Editing
import Patches

/// How the update is stored.
struct StorageOptions: ParsableArguments {
  enum Factor: String, ExpressibleByArgument, CaseIterable { case f16, f32 }
  enum Promote: String, ExpressibleByArgument, CaseIterable { case auto, keep, f16, bf16, q8_0 }
  enum Rounding: String, ExpressibleByArgument, CaseIterable { case nearest, stochastic }
  @Option(help: "Type of the stored factors; f32 doubles the patch (default: f16).")
  var factorType: Factor?
  @Option(
    help: "nearest, or stochastic, which keeps small edits alive in BF16 and F16 (default: nearest).")
  var rounding: Rounding?
  @Option(
    help:
      "What weights in quantized blocks become: auto keeps their types and scales and chooses codes, or, where these do not hold the edit, stores F16; keep always chooses codes (default: auto)."
  )
  var promote: Promote?
  @Option(help: "Seed of stochastic rounding, and of the contexts that `edit` generates (default: 0).")
  var seed: UInt64?
  @Flag(
    help: ArgumentHelp(
      "Keep in the patch what making it took, by phase: seconds, processor seconds and peak memory. The same inputs then no longer give the same bytes."
    ))
  var recordCost = false

  func fill(_ options: inout PlanOptions) {
    options.factorType = factorType.map { $0 == .f16 ? .f16 : .f32 }
    options.roundsAtRandom = rounding.map { $0 == .stochastic }
    options.seed = seed
    options.promotion = promotion
  }

  /// The type asked for; `nil` where the edit decides.
  var promotion: Promotion? { promote.flatMap { Promotion(rawValue: $0.rawValue) } }

  /// For what has no plan.
  func options(threads: Int) -> LowRankOptions {
    var options = LowRankOptions()
    options.factorType = factorType == .f32 ? .f32 : .f16
    options.rounding = rounding == .stochastic ? .stochastic(seed: seed ?? 0) : .nearest
    options.threads = threads
    return options
  }
}
