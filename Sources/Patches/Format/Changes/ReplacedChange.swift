internal import ModelFiles

/// A tensor of another type or shape under the same name; both are stored whole.
public struct ReplacedChange: Equatable, Sendable {
  let base: TensorSide
  let result: TensorSide
  var blocks = Blocks()

  /// Ranges of the payload.
  struct Blocks: Equatable, Sendable {
    var base = 0..<0
    var result = 0..<0
  }
}

extension ReplacedChange: ChangeKind {
  static let label = "replaced"

  var form: TensorForm { result.form }
  var before: TensorSide? { base }
  var after: TensorSide? { result }
  var stored: (base: Range<Int>?, result: Range<Int>?) { (blocks.base, blocks.result) }
  var kind: TensorChange.Kind { .replaced(self) }

  var settings: [JSONValue.Member] {
    [
      .init("baseElementType", .string(base.form.elementType.rawValue)),
      .init("baseShape", .array(base.form.shape.map { .integer($0) })),
    ]
  }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    let baseForm = try fields.form("baseElementType", "baseShape")
    base = TensorSide(form: baseForm, digest: try fields.digest("baseDigest"))
    result = TensorSide(form: form, digest: try fields.digest("resultDigest"))
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("base", .bytes(base.form.byteCount), &blocks.base)
    try body("result", .bytes(result.form.byteCount), &blocks.result)
  }
}
