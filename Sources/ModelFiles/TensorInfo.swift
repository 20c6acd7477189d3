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

  /// Tells of a tensor whose place was found out elsewhere.
  package init(name: String, elementType: ElementType, shape: [Int], byteRange: Range<Int>, shard: Int = 0) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.byteRange = byteRange
    self.shard = shard
  }

  /// Length of the data.
  public var byteCount: Int { byteRange.count }
  /// Number of elements.
  public var elementCount: Int { shape.reduce(1, *) }
}
