internal import ModelFiles

/// A tensor that got rows at its end, or lost some there: a vocabulary that grew. The rows that both sides have differ by a
/// difference, or not at all; those that one side has are stored once.
public struct ResizedChange: Equatable, Sendable {
  let base: TensorSide
  let result: TensorSide
  var blocks = Blocks()

  /// Ranges of the payload.
  struct Blocks: Equatable, Sendable {
    /// One block for each tile of the common rows, empty where the tile does not change.
    var differences = 0..<0
    /// The rows that only the longer side has.
    var rows = 0..<0
  }

  /// Rows that both sides have.
  public var commonRows: Int { min(base.form.shape[0], result.form.shape[0]) }
  /// Whether the result is the longer side.
  public var isLonger: Bool { result.form.shape[0] > base.form.shape[0] }
  /// Rows that only one side has.
  public var otherRows: Int { max(base.form.shape[0], result.form.shape[0]) - commonRows }

  /// Bytes of one row, where two forms differ in nothing but the number of their rows; else `nil`.
  static func rowByteCount(_ base: TensorForm, _ result: TensorForm) -> Int? {
    guard base.elementType == result.elementType, base.shape.dropFirst() == result.shape.dropFirst(),
      let (before, after) = base.shape.first.flatMap({ first in result.shape.first.map { (first, $0) } }),
      before != after, min(before, after) > 0,
      let row = try? base.elementType.byteCount(shape: [1] + base.shape.dropFirst()), row > 0,
      row * before == base.byteCount, row * after == result.byteCount
    else { return nil }
    return row
  }

  private var rowByteCount: Int { ResizedChange.rowByteCount(base.form, result.form) ?? 0 }

  /// Bytes of the rows that both sides have; they come first.
  var commonByteCount: Int { commonRows * rowByteCount }
}

extension ResizedChange: ChangeKind {
  static let label = "resized"
  var features: PatchFeatures { .resized }

  var form: TensorForm { result.form }
  var before: TensorSide? { base }
  var after: TensorSide? { result }
  var kind: TensorChange.Kind { .resized(self) }

  var settings: [JSONValue.Member] {
    [.init("baseShape", .array(base.form.shape.map { .integer($0) }))]
  }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    let baseForm = try fields.form("elementType", "baseShape")
    guard ResizedChange.rowByteCount(baseForm, form) != nil else { throw fields.bad("baseShape") }
    base = TensorSide(form: baseForm, digest: try fields.digest("baseDigest"))
    result = TensorSide(form: form, digest: try fields.digest("resultDigest"))
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    let tiles = Tiling.count(commonByteCount)
    try body("differences", .tiles(tiles, .differences, isOptional: true), &blocks.differences)
    try body("rows", .bytes(otherRows * rowByteCount), &blocks.rows)
  }
}
