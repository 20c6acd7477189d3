public import Floor
public import ModelFiles

/// What a patch says about one tensor. `Formats/patch.md`, *Manifest*.
public struct TensorChange: Equatable, Sendable {
  /// Full name of the tensor.
  public let name: String
  /// What happens to it, with everything that this kind of change needs.
  public internal(set) var kind: Kind
  /// Measurements for people; never needed to apply or revert.
  public var measured: JSONValue?

  /// The kinds of change. What each consists of, its object in the manifest and its limits stand in a file of its own.
  public enum Kind: Equatable, Sendable {
    /// Factors, whose product is added; and, where factors alone do not give the result, a difference after it.
    case lowRank(LowRankChange)
    /// The difference of every element, in the order of the numbers.
    case difference(DifferenceChange)
    /// One factor for all elements; and, where that alone does not give the result, a difference after it.
    case scaled(ScaledChange)
    /// A tensor that got or lost rows at its end.
    case resized(ResizedChange)
    /// A tensor whose runs got longer or shorter at their ends.
    case extended(ExtendedChange)
    /// A tensor of another type or shape under the same name; both are stored whole.
    case replaced(ReplacedChange)
    /// A tensor that the base does not have.
    case added(AddedChange)
    /// A tensor that the result does not have.
    case removed(RemovedChange)

    /// Every kind, by which names are looked up; the `switch` of `own` demands that none is forgotten there.
    static let all: [any ChangeKind.Type] = [
      LowRankChange.self, DifferenceChange.self, ScaledChange.self, ResizedChange.self, ExtendedChange.self,
      ReplacedChange.self, AddedChange.self, RemovedChange.self,
    ]

    /// What the kind consists of.
    var own: any ChangeKind {
      switch self {
      case .lowRank(let change): change
      case .difference(let change): change
      case .scaled(let change): change
      case .resized(let change): change
      case .extended(let change): change
      case .replaced(let change): change
      case .added(let change): change
      case .removed(let change): change
      }
    }
  }

  init(_ name: String, _ change: some ChangeKind, measured: JSONValue? = nil) {
    self.name = name
    kind = change.kind
    self.measured = measured
  }

  /// The kind's name in the format: `low-rank`.
  public var label: String { type(of: kind.own).label }
  /// What a reader must know for it.
  var features: PatchFeatures { kind.own.features }
  /// The tensor before; `nil` when the base does not have it.
  public var before: TensorSide? { kind.own.before }
  /// The tensor after; `nil` when the result does not have it.
  public var after: TensorSide? { kind.own.after }
  /// Type and shape after the change, or before it for a removed tensor.
  public var form: TensorForm { kind.own.form }
  /// Stored number kind, as `form`.
  public var elementType: ElementType { form.elementType }
  /// Extents, outermost first, as `form`.
  public var shape: [Int] { form.shape }
  /// Bytes of the tensor, as `form`.
  public var byteCount: Int { form.byteCount }
  /// Digest of the tensor before; that of no data where the base does not have it.
  public var baseDigest: Digest { before?.digest ?? Digest(leaves: []) }
  /// Digest of the tensor after; that of no data where the result does not have it.
  public var resultDigest: Digest { after?.digest ?? Digest(leaves: []) }
  /// Whether base and result have one type and shape, so that the change goes tile by tile.
  public var isTiled: Bool { tiles != nil }
  /// The blocks of a change that goes tile by tile.
  var tiles: TileBlocks? { kind.own.tiles }

  /// The factors, where the change is made of such.
  public var lowRank: LowRankChange? { if case .lowRank(let change) = kind { change } else { nil } }
  /// The gain, where the change is one.
  public var scaled: ScaledChange? { if case .scaled(let change) = kind { change } else { nil } }
}

/// One side of a touched tensor.
public struct TensorSide: Equatable, Sendable {
  /// What it is, apart from its numbers.
  public let form: TensorForm
  /// Digest of its bytes.
  public let digest: Digest
}

/// Where a change that goes tile by tile has its blocks.
struct TileBlocks: Sendable {
  let leaves: Range<Int>
  /// One block for each tile; none where the function alone gives the result.
  let differences: Range<Int>
  /// One block for each tile, of changes that have a function; what reverting it needs.
  let choices: Range<Int>?
}
