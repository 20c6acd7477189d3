internal import Floor
internal import ModelFiles

/// One factor for all elements; and, where that alone does not give the result, a difference after it.
public struct ScaledChange: Equatable, Sendable {
  let form: TensorForm
  /// What every element is multiplied by; exact as Float but for F64 elements.
  public let gain: Double
  let baseDigest: Digest
  let resultDigest: Digest
  var blocks = Blocks()

  /// Ranges of the payload.
  struct Blocks: Equatable, Sendable {
    var leaves = 0..<0
    var differences = 0..<0
    var choices = 0..<0
  }
}

extension ScaledChange: ChangeKind {
  static let label = "scaled"

  var before: TensorSide? { TensorSide(form: form, digest: baseDigest) }
  var after: TensorSide? { TensorSide(form: form, digest: resultDigest) }
  var kind: TensorChange.Kind { .scaled(self) }
  var tiles: TileBlocks? {
    TileBlocks(leaves: blocks.leaves, differences: blocks.differences, choices: blocks.choices)
  }

  /// The bits of a number of the arithmetic's type.
  var settings: [JSONValue.Member] {
    let digits =
      form.elementType == .f64
      ? Hexadecimal.text(gain.bitPattern, digits: 16)
      : Hexadecimal.text(UInt64(Float(gain).bitPattern), digits: 8)
    return [.init("gain", .string(digits))]
  }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    self.form = form
    guard form.elementType.isEditable else { throw fields.bad("elementType") }
    gain =
      form.elementType == .f64
      ? Double(bitPattern: try fields.hexadecimal("gain", digits: 16))
      : Double(Float(bitPattern: UInt32(try fields.hexadecimal("gain", digits: 8))))
    guard gain.isFinite, gain > 0 else { throw fields.bad("gain") }
    baseDigest = try fields.digest("baseDigest")
    resultDigest = try fields.digest("resultDigest")
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("leaves", .leaves(form.tileCount), &blocks.leaves)
    try body("differences", .tiles(form.tileCount, .differences, isOptional: true), &blocks.differences)
    try body("choices", .tiles(form.tileCount, .choices), &blocks.choices)
  }
}
