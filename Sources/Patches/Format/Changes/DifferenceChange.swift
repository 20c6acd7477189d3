internal import Floor
internal import ModelFiles

/// The difference of every element, in the order of the numbers.
public struct DifferenceChange: Equatable, Sendable {
  let form: TensorForm
  let baseDigest: Digest
  let resultDigest: Digest
  var blocks = Blocks()

  /// Ranges of the payload.
  struct Blocks: Equatable, Sendable {
    var differences = 0..<0
    var leaves = 0..<0
  }
}

extension DifferenceChange: ChangeKind {
  static let label = "difference"

  var before: TensorSide? { TensorSide(form: form, digest: baseDigest) }
  var after: TensorSide? { TensorSide(form: form, digest: resultDigest) }
  var kind: TensorChange.Kind { .difference(self) }
  var tiles: TileBlocks? {
    TileBlocks(leaves: blocks.leaves, differences: blocks.differences, choices: nil)
  }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    self.form = form
    baseDigest = try fields.digest("baseDigest")
    resultDigest = try fields.digest("resultDigest")
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    try body("differences", .tiles(form.tileCount, .differences), &blocks.differences)
    try body("leaves", .leaves(form.tileCount), &blocks.leaves)
  }
}
