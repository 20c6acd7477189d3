public import ModelFiles

/// What is taken of a model's states for a text: `Formats/memory.md`, *States*.
public struct StateChoice: Equatable, Hashable, Sendable {
  /// Blocks at whose entry the mean over the text's tokens is taken, rising.
  public let layers: [Int]
  /// Blocks at whose entry the last token is taken, rising.
  public let ends: [Int]

  /// Joins the two.
  public init(layers: [Int], ends: [Int] = []) { (self.layers, self.ends) = (layers, ends) }

  /// States of the model's width.
  public var count: Int { layers.count + ends.count }
  /// The last block that matters.
  public var last: Int { (layers + ends).max() ?? 0 }

  /// States of a text at most.
  public static let limit = 8

  var json: [JSONValue.Member] {
    [
      .init("layers", .array(layers.map { .integer($0) })), .init("ends", .array(ends.map { .integer($0) })),
    ]
  }

  init(_ fields: ManifestFields) throws(PatchError) {
    func numbers(_ name: String) throws(PatchError) -> [Int] {
      guard let numbers = fields.json[name]?.elements?.map({ $0.integer ?? -1 }),
        numbers == Set(numbers).sorted(), numbers.allSatisfy({ (0..<1 << 16).contains($0) })
      else { throw fields.bad(name) }
      return numbers
    }
    self.init(layers: try numbers("layers"), ends: try numbers("ends"))
    guard (1...Self.limit).contains(count) else { throw fields.bad("layers") }
  }
}
