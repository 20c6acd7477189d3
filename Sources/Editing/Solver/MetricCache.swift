internal import Floor
internal import Synchronization

/// Metrics of keys that were made already, for many edits of one model with one file of second moments.
///
/// A metric depends on the weight's second moment alone, neither on λ nor on the edits, and making it costs as much as many solves:
/// d³/3 operations for C⁻¹, about 9 d³ for a null space. So it is made once for all batches of a sequence, and once for all edits and all
/// methods of a comparison that measure keys alike.
///
/// What is kept is limited. Metrics of another kind give way, for methods come one after the other; beside those of its own kind a metric
/// that has no room is made anew each time, which for layers in turn is better than to forget the oldest.
public final class MetricCache: Sendable {
  /// A metric with tr(W C Wᵀ), the scale of the preservation loss.
  struct Made: Sendable {
    let metric: any KeyMetric
    let preservationScale: Double?

    /// Of the factor, which is all that counts.
    var byteCount: Int { metric.reducedWidth * metric.inputWidth * 8 }
  }

  private struct Entry: Sendable {
    let weight: String
    let kind: MetricKind
    let threshold: NullSpaceThreshold?
    let made: Made
  }

  private struct State: Sendable {
    var entries: [Entry] = []
    var norms: [String: Double] = [:]
  }

  private let byteLimit: Int
  private let state = Mutex(State())

  /// - Parameter byteLimit: what may be kept; a quarter of the memory that may be used where `nil`.
  public init(byteLimit: Int? = nil) {
    self.byteLimit = byteLimit ?? MemoryLimit.byteCount / 4
  }

  /// The metric of a weight, made now or before.
  func metric(
    of weight: String, _ settings: UpdateSettings, make: () throws -> Made
  ) rethrows -> Made {
    let kind = settings.metric
    let threshold = kind == .nullSpaceProjection ? settings.nullSpaceThreshold : nil
    let known = state.withLock { state in
      state.entries.first { $0.weight == weight && $0.kind == kind && $0.threshold == threshold }?.made
    }
    if let known { return known }
    let made = try make()
    state.withLock { state in
      func size(_ entries: [Entry]) -> Int { entries.reduce(made.byteCount) { $0 + $1.made.byteCount } }
      if size(state.entries) > byteLimit {
        state.entries.removeAll { $0.kind != kind || $0.threshold != threshold }
      }
      guard size(state.entries) <= byteLimit else { return }
      state.entries.append(Entry(weight: weight, kind: kind, threshold: threshold, made: made))
    }
    return made
  }

  /// ‖W‖ of an unedited weight.
  func norm(of weight: String, measure: () throws -> Double) rethrows -> Double {
    if let known = state.withLock({ $0.norms[weight] }) { return known }
    let norm = try measure()
    state.withLock { $0.norms[weight] = norm }
    return norm
  }

  /// Metrics that are kept.
  var count: Int { state.withLock { $0.entries.count } }
}
