internal import Floor
internal import ModelFiles

/// Factors, whose product is added; and, where factors alone do not give the result, a difference after it.
public struct LowRankChange: Equatable, Sendable {
  /// The matrix and its factors.
  public let shape: LowRankForm
  /// Digest of the tensor before.
  let baseDigest: Digest
  /// Digest of the tensor after.
  let resultDigest: Digest
  /// A few weights of the base, by which the model is known again in another form.
  public internal(set) var sample: WeightSample?
  var blocks = Blocks()

  /// Ranges of the payload.
  struct Blocks: Equatable, Sendable {
    var leaves = 0..<0
    var scales = 0..<0
    var left = 0..<0
    var right = 0..<0
    var differences = 0..<0
    var choices = 0..<0
  }

  /// Whether a difference beside the factors makes the result exact.
  public var hasDifference: Bool { !isAware && !blocks.differences.isEmpty }
  /// Whether factors only say what was wanted, and differences what became of it.
  public var isAware: Bool { shape.rounding == .aware }
}

extension LowRankChange: ChangeKind {
  static let label = "low-rank"

  var form: TensorForm { shape.tensor }
  var before: TensorSide? { TensorSide(form: form, digest: baseDigest) }
  var after: TensorSide? { TensorSide(form: form, digest: resultDigest) }
  var kind: TensorChange.Kind { .lowRank(self) }
  var tiles: TileBlocks? {
    TileBlocks(
      leaves: blocks.leaves, differences: blocks.differences, choices: isAware ? nil : blocks.choices)
  }

  var features: PatchFeatures { isAware ? .aware : [] }

  var settings: [JSONValue.Member] { shape.settings }
  var notes: [JSONValue.Member] { sample.map { [.init("sample", .string($0.text))] } ?? [] }

  init(_ fields: ManifestFields, _ form: TensorForm) throws(PatchError) {
    shape = try LowRankForm(fields, form)
    baseDigest = try fields.digest("baseDigest")
    resultDigest = try fields.digest("resultDigest")
    guard let text = fields.json["sample"] else { return }
    guard let sample = text.text.flatMap(WeightSample.init) else { throw fields.bad("sample") }
    self.sample = sample
  }

  mutating func visitBlocks<Failure: Error>(
    _ body: (String, BlockContent, inout Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    let (rank, size, tiles) = (shape.rank, shape.factorType.byteCount, form.tileCount)
    try body("leaves", .leaves(tiles), &blocks.leaves)
    try body("scales", .bytes(BlockContent.product(rank, 4)), &blocks.scales)
    try body("left", .bytes(BlockContent.product(rank, shape.outputWidth, size)), &blocks.left)
    try body("right", .bytes(BlockContent.product(rank, shape.inputWidth, size)), &blocks.right)
    try body("differences", .tiles(tiles, .differences, isOptional: !isAware), &blocks.differences)
    if !isAware { try body("choices", .tiles(tiles, .choices), &blocks.choices) }
  }
}
