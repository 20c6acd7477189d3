internal import ModelFiles

/// A tensor whose runs got longer at their ends, or shorter there: a feed-forward that got neurons, as its down-projection has them. Both
/// sides hold as many runs, one after another, and the shorter run is how the longer one begins.
public struct ExtendedChange: Equatable, Sendable {
  let base: TensorSide
  let result: TensorSide
  /// How many runs there are.
  public let runs: Int
  /// What only the longer side has, run by run.
  var ends = 0..<0

  /// The axis on which the two sides differ.
  public var axis: Int { ExtendedChange.axis(base.form, result.form) ?? 0 }
  /// Whether the result is the longer side.
  public var isLonger: Bool { result.form.byteCount > base.form.byteCount }
  /// By how much the longer side's extent is larger.
  public var otherExtent: Int { abs(result.form.shape[axis] - base.form.shape[axis]) }

  /// Bytes of a run that both sides have.
  var commonByteCount: Int { min(base.form.byteCount, result.form.byteCount) / runs }
  /// Bytes of a run that only the longer side has.
  var endByteCount: Int { abs(result.form.byteCount - base.form.byteCount) / runs }

  /// The one axis on which two forms differ, where they differ in nothing else and neither is empty.
  static func axis(_ base: TensorForm, _ result: TensorForm) -> Int? {
    guard base.elementType == result.elementType, base.shape.count == result.shape.count,
      min(base.byteCount, result.byteCount) > 0
    else { return nil }
    let differing = base.shape.indices.filter { base.shape[$0] != result.shape[$0] }
    return differing.count == 1 ? differing[0] : nil
  }

  /// Whether so many runs of whole blocks make up both sides: all that stand before the axis, times parts of the axis itself.
  static func fits(_ runs: Int, _ base: TensorForm, _ result: TensorForm) -> Bool {
    guard runs > 0, let axis = axis(base, result) else { return false }
    let leading = base.shape[..<axis].reduce(1, *)
    guard runs % leading == 0 else { return false }
    return [base, result].allSatisfy { form in
      form.shape[axis] % (runs / leading) == 0 && form.byteCount % runs == 0
        && form.byteCount / runs % max(form.elementType.blockByteCount, 1) == 0
    }
  }
}

extension ExtendedChange: ChangeKind {
  static let label = "extended"
  var features: PatchFeatures { .extended }

  var form: TensorForm { result.form }
  var before: TensorSide? { base }
  var after: TensorSide? { result }
  var kind: TensorChange.Kind { .extended(self) }

  var settings: [JSONValue.Member] {
    [
      .init("baseShape", .array(base.form.shape.map { .integer($0) })), .init("runs", .integer(runs)),
    ]
  }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    let baseForm = try fields.form("elementType", "baseShape")
    guard ExtendedChange.axis(baseForm, form) != nil else { throw fields.bad("baseShape") }
    runs = try fields.count("runs")
    guard ExtendedChange.fits(runs, baseForm, form) else { throw fields.bad("runs") }
    base = TensorSide(form: baseForm, digest: try fields.digest("baseDigest"))
    result = TensorSide(form: form, digest: try fields.digest("resultDigest"))
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("ends", .bytes(runs * endByteCount), &ends)
  }
}
