/// How many edits a network holds when it is asked.
public enum EditWay: Hashable, Sendable {
  /// Every so many records are edited together, from the base, and asked about; 1 is single editing.
  case batches(of: Int)
  /// So many edits, a batch on top of the other, and all their records are asked about.
  case sequence(Int, batch: Int)

  /// Edits in the network.
  public var editCount: Int {
    switch self {
    case .batches(let count): count
    case .sequence(let count, _): count
    }
  }

  /// The way in words.
  public var title: String {
    switch self {
    case .batches(1): "single"
    case .batches(let count): "batches of \(count)"
    case .sequence(let count, let batch): "\(count) in sequence" + (batch > 1 ? ", \(batch) at a time" : "")
    }
  }

  /// The points of a curve over a sequence: every doubling from one batch on, and the whole.
  public static func curve(over count: Int, batch: Int) -> [EditWay] {
    var points: [Int] = []
    var next = batch
    while next < count {
      points.append(next)
      next *= 2
    }
    return (points + [count]).map { .sequence($0, batch: batch) }
  }
}

/// A row of a comparison: what a method did in one way.
public struct ComparedRun: Sendable {
  /// The method's name; `in-context` for the one that edits nothing.
  public let method: String
  /// `nil` where nothing is edited.
  public let way: EditWay?
  /// What the edited networks said; `nil` where the edits were refused.
  public let run: EvaluatedRun?
  /// ‖Δ‖ / ‖W‖ by weight, the mean over the batches; empty where all answers were known.
  public var norms: [(weight: String, relativeNorm: Double)] = []
  /// Seconds by the wall for each edit, values included; `nil` where answers were known.
  public var secondsPerEdit: Double?
  /// Why the edits were refused.
  public var refusal: (any Error)?
}
