/// A tensor that the base does not have.
public struct AddedChange: Equatable, Sendable {
  let result: TensorSide
  /// Its data in the payload.
  var data = 0..<0
}

extension AddedChange: ChangeKind {
  static let label = "added"

  var form: TensorForm { result.form }
  var before: TensorSide? { nil }
  var after: TensorSide? { result }
  var stored: (base: Range<Int>?, result: Range<Int>?) { (nil, data) }
  var kind: TensorChange.Kind { .added(self) }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    result = TensorSide(form: form, digest: try fields.digest("resultDigest"))
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("result", .bytes(form.byteCount), &data)
  }
}
