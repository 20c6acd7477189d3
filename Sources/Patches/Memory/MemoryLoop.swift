public import ModelFiles

/// Questions that a model asks itself, and how its text is taken apart: `Formats/memory.md`, *Loops*.
///
///     Question: …            what the prompt asks
///     Subquestion: …         written by the model, and routed
///     Generated answer: …    what it thinks
///     Retrieved fact: …      put in: the fact that speaks, or what it thinks
///     Final answer: …
public struct MemoryLoop: Equatable, Sendable {
  /// What is read: worked examples and the prompt in the place of `{question}`.
  public var text: String
  /// How a line begins that asks.
  public var subquestion = "Subquestion:"
  /// How one begins that says what the model thinks.
  public var answer = "Generated answer:"
  /// How one begins that a fact is put into.
  public var retrieved = "Retrieved fact:"
  /// How one begins that ends the loop.
  public var final = "Final answer:"
  /// Rounds at most.
  public var generations: Int
  /// Tokens of a round at most.
  public var tokens: Int

  /// A loop with the published beginnings of lines.
  public init(text: String, generations: Int, tokens: Int) {
    (self.text, self.generations, self.tokens) = (text, generations, tokens)
  }

  /// Numbers of rounds that there can be.
  public static let generationRange = 1...64
  static let tokenRange = 1...4096
  /// Longest beginning of a line, in bytes.
  static let markLimit = 256

  static let markNames = ["subquestion", "answer", "retrieved", "final"]

  /// In the order of their names.
  private var marks: [String] { [subquestion, answer, retrieved, final] }

  var json: [JSONValue.Member] {
    [.init("text", .string(text))] + zip(Self.markNames, marks).map { .init($0, .string($1)) }
      + [.init("generations", .integer(generations)), .init("tokens", .integer(tokens))]
  }

  init(_ fields: ManifestFields) throws(PatchError) {
    text = try fields.text("text")
    guard MemoryAction(text: text) != nil else { throw fields.bad("text") }
    generations = try fields.count("generations")
    tokens = try fields.count("tokens")
    subquestion = try fields.text("subquestion")
    answer = try fields.text("answer")
    retrieved = try fields.text("retrieved")
    final = try fields.text("final")
    guard Self.generationRange.contains(generations) else { throw fields.bad("generations") }
    guard Self.tokenRange.contains(tokens) else { throw fields.bad("tokens") }
    for (place, mark) in marks.enumerated() {
      let bytes = Array(mark.utf8)
      let isOfAnother = marks.indices.contains { $0 != place && marks[$0].utf8.starts(with: bytes) }
      guard (1...Self.markLimit).contains(bytes.count), !bytes.contains(UInt8(ascii: "\n")), !isOfAnother
      else { throw fields.bad(Self.markNames[place]) }
    }
  }
}
