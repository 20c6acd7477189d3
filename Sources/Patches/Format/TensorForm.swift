public import ModelFiles

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

  /// The form of a tensor in a file.
  init(_ tensor: TensorInfo) { self.init(elementType: tensor.elementType, shape: tensor.shape) }

  /// Bytes of the data; the form has passed `ElementType.byteCount` before.
  public var byteCount: Int { (try? elementType.byteCount(shape: shape)) ?? 0 }
  /// Number of tiles.
  public var tileCount: Int { Tiling.count(byteCount) }
  /// Bytes of one element of an editable type.
  var elementSize: Int { elementType.bitCount / 8 }

  /// "BF16 [96, 256]".
  var description: String { "\(elementType.rawValue) \(shape)" }
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
