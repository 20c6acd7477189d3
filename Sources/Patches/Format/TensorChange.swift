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
  /// [rows, columns].
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
  /// Measurements for people; never needed to apply or revert.
  public var measured: JSONValue?

  /// Blocks of the payload.
  struct Blocks: Equatable, Sendable {
    static let fields = ["leaves", "scales", "left", "right", "choices"]
    var ranges: [Range<Int>]
    var leaves: Range<Int> { ranges[0] }
    var scales: Range<Int> { ranges[1] }
    var left: Range<Int> { ranges[2] }
    var right: Range<Int> { ranges[3] }
    var choices: Range<Int> { ranges[4] }
  }
  var blocks = Blocks(ranges: [])

  /// Rows of the storage.
  public var rows: Int { shape[0] }
  /// Columns of the storage.
  public var columns: Int { shape[1] }
  /// Width of the map's result.
  public var outputWidth: Int { orientation == .outputMajor ? rows : columns }
  /// Width of the map's argument.
  public var inputWidth: Int { orientation == .outputMajor ? columns : rows }
  /// Bytes of one element.
  var elementSize: Int { elementType.bitCount / 8 }
  /// Bytes of the tensor.
  public var byteCount: Int { rows * columns * elementSize }
  /// Number of tiles.
  public var tileCount: Int { Tiling.count(byteCount) }
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
