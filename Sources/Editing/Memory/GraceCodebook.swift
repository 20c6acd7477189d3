internal import LinearAlgebra

/// GRACE's keys with their radii: which edit an input is, if any.
///
///     hit  ⇔  ‖q − k‖ ≤ ε   for the nearest key k alone
///
/// Radii change as edits come: an edit beside another with the same label widens it, one with another label splits the ground between them.
///
/// - Source: GRACE (arXiv:2211.11031); Thartvigsen/GRACE `grace/editors/grace.py`.
struct GraceCodebook {
  /// One edit.
  struct Entry: Equatable {
    let key: [Float]
    var radius: Float
    /// What is to be said.
    var label: String
    /// The prompt, by which a re-edit is known.
    var prompt: String
  }

  /// What became of an edit.
  enum Outcome: Equatable {
    /// It has a key of its own, the last.
    case added
    /// Its value stands in the place of an earlier one's.
    case replaced(Int)
  }

  private(set) var entries: [Entry] = []
  /// ε₀, the radius of a key on its own.
  let radius: Float
  /// Whether as released: a prompt that is edited again splits from itself, so that both answers are lost, and an edit beside one of its
  /// label takes that one's value over instead of a key of its own.
  let isReleased: Bool
  /// Between the two radii of a split, so that none is on both sides.
  private static let gap: Float = 1e-5

  init(radius: Float, isReleased: Bool = false) { (self.radius, self.isReleased) = (radius, isReleased) }

  /// Takes in an edit.
  mutating func add(_ key: [Float], label: String, prompt: String) -> Outcome {
    if !isReleased, let known = entries.firstIndex(where: { $0.prompt == prompt || $0.key == key }) {
      // The place is its own already; only what is said there changes.
      entries[known].label = label
      entries[known].prompt = prompt
      return .replaced(known)
    }
    guard let (nearest, distance) = nearest(to: key), distance <= radius + entries[nearest].radius else {
      entries.append(Entry(key: key, radius: radius, label: label, prompt: prompt))
      return .added
    }
    if entries[nearest].label != label {
      entries.append(Entry(key: key, radius: distance / 2, label: label, prompt: prompt))
      entries[nearest].radius = min(entries[nearest].radius, distance / 2 - Self.gap)
      if isReleased { entries[nearest].radius = distance / 2 - Self.gap }
      return .added
    }
    guard isReleased else {
      entries.append(Entry(key: key, radius: radius, label: label, prompt: prompt))
      return .added
    }
    entries[nearest].radius = max(entries[nearest].radius, distance)
    entries[nearest].prompt = prompt
    return .replaced(nearest)
  }

  /// The edit that an input is.
  func hit(_ query: [Float]) -> Int? {
    nearest(to: query).flatMap { $0.distance <= entries[$0.index].radius ? $0.index : nil }
  }

  /// The nearest key; of equals, the first as released, else the last.
  func nearest(to query: [Float]) -> (index: Int, distance: Float)? {
    var best: (index: Int, distance: Float)?
    for (index, entry) in entries.enumerated() {
      let distance = Self.distance(entry.key, query)
      if best.map({ isReleased ? distance < $0.distance : distance <= $0.distance }) ?? true {
        best = (index, distance)
      }
    }
    return best
  }

  /// Summed over differences, not by products: keys are long, and near ones would come out at 0.
  static func distance(_ one: [Float], _ other: [Float]) -> Float {
    var sum: Float = 0
    for index in one.indices { sum += (one[index] - other[index]) * (one[index] - other[index]) }
    return sum.squareRoot()
  }
}
