public import Floor
public import ModelFiles

/// What a patch says about one tensor. `Formats/patch.md`, *Manifest*.
public struct TensorChange: Equatable, Sendable {
  /// Which way round the matrix is stored.
  public enum Orientation: String, Sendable {
    /// [outputs, inputs], as most models store it.
    case outputMajor = "output-major"
    /// [inputs, outputs], GPT-2's Conv1D.
    case inputMajor = "input-major"
  }

  /// How stored factors are kept.
  public enum FactorType: String, Sendable {
    case f16 = "F16"
    case f32 = "F32"

    /// Bytes of one factor.
    var byteCount: Int { self == .f16 ? 2 : 4 }
  }

  /// How the edited number is rounded to the element type.
  public enum Rounding: Equatable, Sendable {
    /// To the nearest, ties to even.
    case nearest
    /// Up or down by chance, as the rest is near; the draw depends on seed and element only.
    case stochastic(seed: UInt64)
  }

  /// Full name of the tensor.
  public var name: String
  /// Stored number kind.
  public var elementType: ElementType
  /// Extents, outermost first; [rows, columns] of a low-rank change.
  public var shape: [Int]
  /// Digest of the tensor before.
  public var baseDigest: Digest
  /// Digest of the tensor after.
  public var resultDigest: Digest
  /// Which way round.
  public var orientation: Orientation
  /// Number of components.
  public var rank: Int
  /// How factors are kept.
  public var factorType: FactorType
  /// How results are rounded.
  public var rounding: Rounding
  /// What every element of a scaled tensor is multiplied by; exact as Float but for F64 elements.
  public var gain = 1.0
  /// A few weights of the base of a low-rank change, by which the model is known again in another form.
  public var sample: WeightSample?
  /// Measurements for people; never needed to apply or revert.
  public var measured: JSONValue?

  /// Blocks of the payload: one range for each field of the kind.
  struct Blocks: Equatable, Sendable {
    var ranges: [Range<Int>]
  }
  var blocks = Blocks(ranges: [])

  /// What kind of change this is.
  public var kind = Kind.lowRank
  /// For `replaced`: what the tensor was before.
  public var baseForm: TensorForm?

  /// The kinds of change.
  public enum Kind: String, Sendable {
    /// Factors, whose product is added; and, where factors alone do not give the result, a difference after it.
    case lowRank = "low-rank"
    /// The difference of every element, in the order of the numbers.
    case difference
    /// One factor for all elements; and, where that alone does not give the result, a difference after it.
    case scaled
    /// A tensor of another type or shape under the same name; both are stored whole.
    case replaced
    /// A tensor that the base does not have.
    case added
    /// A tensor that the result does not have.
    case removed

    /// The kind's block ranges, in the order of the payload.
    var fields: [String] {
      switch self {
      case .lowRank: ["leaves", "scales", "left", "right", "differences", "choices"]
      case .difference: ["differences", "leaves"]
      case .scaled: ["leaves", "differences", "choices"]
      case .replaced: ["base", "result"]
      case .added: ["result"]
      case .removed: ["base"]
      }
    }

    /// Whether base and result have one type and shape, so that the change goes tile by tile.
    public var isTiled: Bool { self == .difference || isFunction }

    /// Whether each element becomes a function of itself, perhaps with a difference after it.
    var isFunction: Bool { self == .lowRank || self == .scaled }
  }

  /// The blocks of a field; empty when the kind does not have it.
  func blocks(_ field: String) -> Range<Int> {
    guard let index = kind.fields.firstIndex(of: field), index < blocks.ranges.count else { return 0..<0 }
    return blocks.ranges[index]
  }

  /// Type and shape after the change, or before it for a removed tensor.
  public var form: TensorForm { TensorForm(elementType: elementType, shape: shape) }

  /// Rows of the storage.
  public var rows: Int { shape[0] }
  /// Columns of the storage.
  public var columns: Int { shape[1] }
  /// Width of the map's result.
  public var outputWidth: Int { orientation == .outputMajor ? rows : columns }
  /// Width of the map's argument.
  public var inputWidth: Int { orientation == .outputMajor ? columns : rows }
  /// Bytes of one element of an editable type.
  var elementSize: Int { elementType.bitCount / 8 }
  /// Bytes of the tensor.
  public var byteCount: Int { form.byteCount }
  /// Number of tiles.
  public var tileCount: Int { Tiling.count(byteCount) }
}

/// What a tensor is, apart from its numbers.
public struct TensorForm: Equatable, Sendable {
  /// Stored number kind.
  public let elementType: ElementType
  /// Extents, outermost first.
  public let shape: [Int]

  /// Joins the two.
  public init(elementType: ElementType, shape: [Int]) {
    self.elementType = elementType
    self.shape = shape
  }

  /// Bytes of the data; the form has passed `ElementType.byteCount` before.
  public var byteCount: Int { (try? elementType.byteCount(shape: shape)) ?? 0 }
}

/// A tensor's data cut into pieces of one mebibyte.
public enum Tiling {
  /// Bytes of a tile; the last may be shorter.
  public static let byteCount = BlockInfo.decodedLimit

  /// Number of tiles of that much data.
  public static func count(_ total: Int) -> Int { (total + byteCount - 1) / byteCount }

  /// Bytes of one tile, counted from the start of the data.
  public static func range(_ tile: Int, of total: Int) -> Range<Int> {
    tile * byteCount..<min(total, (tile + 1) * byteCount)
  }
}
