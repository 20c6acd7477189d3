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

extension EditWay {
  var isSequence: Bool { if case .sequence = self { true } else { false } }

  /// The records of so many that each edited network is asked about.
  func ranges(of count: Int) -> [Range<Int>] {
    switch self {
    case .batches(let size): stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    case .sequence(let length, _): [0..<min(length, count)]
    }
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
  /// ‖Δ‖ / ‖W‖ by weight, the mean over the batches; empty where the file of results has answers and nothing of the edits.
  public var norms: [(weight: String, relativeNorm: Double)] = []
  /// Seconds by the wall for each edit, values included; `nil` likewise.
  public var secondsPerEdit: Double?
  /// The most memory that making the edits took, in bytes; `nil` likewise.
  public var peakMemory: Int?
  /// Bytes of a patch for each edit, but for the facts' lines; `nil` likewise.
  public var patchBytesPerEdit: Double?
  /// Why the edits were refused.
  public var refusal: (any Error)?

  /// Sums up the edits of its parts.
  ///
  /// - Parameter values: what finding the values of all parts took; `nil` where each part found its own.
  mutating func take(_ edits: [MadeEdit?], values: ValueLedger?) {
    let known = edits.compactMap { $0 }
    norms = Set(known.flatMap(\.norms.keys)).sorted().map { weight in
      (weight, mean(known.compactMap { $0.norms[weight] })!)
    }
    let facts = known.reduce(0) { $0 + $1.facts }
    peakMemory = (known.map(\.peakMemory) + [values?.peakMemory]).compactMap { $0 }.max()
    guard known.count == edits.count, facts > 0 else { return }
    let own = known.reduce(0) { $0 + $1.seconds }
    let sizes = known.compactMap(\.patchByteCount)
    if sizes.count == known.count { patchBytesPerEdit = Double(sizes.reduce(0, +)) / Double(facts) }
    secondsPerEdit = (own + (values?.seconds(for: facts) ?? 0)) / Double(facts)
  }
}
