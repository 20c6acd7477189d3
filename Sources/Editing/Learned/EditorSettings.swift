/// The numbers of an editor's training.
public struct EditorSettings: Equatable, Sendable {
  /// What is trained.
  public var kind: EditorKind
  /// The edited layers, rising.
  public var layers: [Int]
  /// SERAC: blocks at whose entry a text's last token is looked at; at those of `layers` its tokens' mean is.
  public var ends: [Int] = []
  /// MEND: of U and V; published are 1920, and 128 is 15 to 60 times smaller. KE: numbers of a direction; published are 128. SERAC: of an embedding.
  public var rank: Int
  /// Steps at most.
  public var steps = 2000
  /// Edits of a step.
  public var batch = 8
  /// Adam's. Published for MEND: 1e-6, for a hundred thousand steps and more.
  public var learningRate: Double
  /// c_e: weight of the edit beside a neighbor's answer. Published: 0.1.
  public var editWeight = 0.1
  /// The share of the records that is held out to choose the best by.
  public var heldOut = 0.1
  /// Seed of the first numbers and of the order.
  public var seed: UInt64 = 0
  /// Steps between two looks at what is held out.
  public var validationInterval = 50
  /// Looks without anything better after which it is enough.
  public var patience = 10

  /// MEND: its network as published, whose steps only add.
  public var isReleased = false

  /// MEND: whether the network's second step is linear.
  var isLastLinear: Bool { kind.hasReleasedForm && !isReleased }
  /// The identity's member that says so, and what it says.
  static let (lastStepKey, linear) = ("lastStep", "linear")

  /// Held-out facts that are asked about.
  static let validationLimit = 64
  /// log ρ moves so much faster.
  static let rateFactor: Float = 30
  /// ‖Δ‖ / ‖W‖ of an untrained editor's updates.
  static let firstShare = 0.02
  /// Length that a step's gradient is cut to.
  /// Source: eric-mitchell/mend, `config/config.yaml`.
  static let clip = 100.0

  /// The numbers of a kind, where nothing else is asked for.
  public init(_ kind: EditorKind, layerCount: Int) {
    (self.kind, learningRate, rank) = (kind, kind.learningRate, kind.rank)
    (layers, ends) = kind.blocks(layerCount)
  }

  /// The layers that are changed where no others are asked for, with a block above them where there is one: three up to three quarters of the depth.
  /// Published are the last ones, whose keys at a prompt's end are much the same for all subjects: an untrained network stores as many facts
  /// there and keeps hardly a neighbor.
  static func layers(of layerCount: Int) -> [Int] {
    let last = max(0, min(layerCount * 3 / 4, layerCount - 2))
    return Array(max(0, last - 2)...last)
  }
}
