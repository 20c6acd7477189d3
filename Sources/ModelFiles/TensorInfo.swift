/// One named array of a model file: what it is and where its bytes lie.
public struct TensorInfo: Equatable, Sendable {
  /// Full name in the model.
  public let name: String
  /// Stored number kind.
  public let elementType: ElementType
  /// Extents, outermost first (row-major storage).
  public let shape: [Int]
  /// Bytes of the data, counted from the start of the file.
  public let byteRange: Range<Int>
  /// Position in the model's list of files.
  public var shard: Int = 0

  /// Length of the data.
  public var byteCount: Int { byteRange.count }
  /// Number of elements.
  public var elementCount: Int { shape.reduce(1, *) }
}
