/// A tensor that the result does not have.
public struct RemovedChange: Equatable, Sendable {
  let base: TensorSide
  /// Its data in the payload.
  var data = 0..<0
}

extension RemovedChange: ChangeKind {
  static let label = "removed"

  var form: TensorForm { base.form }
  var before: TensorSide? { base }
  var after: TensorSide? { nil }
  var stored: (base: Range<Int>?, result: Range<Int>?) { (data, nil) }
  var kind: TensorChange.Kind { .removed(self) }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    base = TensorSide(form: form, digest: try fields.digest("baseDigest"))
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("base", .bytes(form.byteCount), &data)
  }
}
