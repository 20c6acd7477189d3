/// What a reader must know to read a patch: the critical features of its header. `Formats/patch.md`, *Header*.
///
/// What came after the first version has a bit, so that an older reader says that it is too old and does not call the patch
/// damaged.
struct PatchFeatures: OptionSet, Sendable {
  let rawValue: UInt32

  /// Changes of kind `resized`.
  static let resized = PatchFeatures(rawValue: 1 << 0)
  /// Files beside the weights.
  static let beside = PatchFeatures(rawValue: 1 << 1)
  /// Low-rank changes that are rounded by an objective.
  static let aware = PatchFeatures(rawValue: 1 << 2)
  /// Facts that speak beside the weights.
  static let memory = PatchFeatures(rawValue: 1 << 3)
  /// Changes of kind `extended`.
  static let extended = PatchFeatures(rawValue: 1 << 4)

  /// All that this reader knows.
  static let known: PatchFeatures = [.resized, .beside, .aware, .memory, .extended]

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// What a patch of these parts uses.
  init(of changes: [TensorChange], beside: [BesideFile], hasMemory: Bool) {
    self = changes.reduce(into: beside.isEmpty ? [] : .beside) { $0.formUnion($1.features) }
    if hasMemory { insert(.memory) }
  }
}
