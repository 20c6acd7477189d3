public import Editing
internal import ModelFiles
public import Transformer

/// How often an edit sends tokens to other experts than before: a layer that is changed changes what the routers above it read.
public struct RoutingShift: Sendable {
  /// The network that others are held against.
  private let base: Network
  /// Texts that are run, the prompts of the records' probes.
  private let texts: [[Int32]]

  /// Tokens run together.
  private static let batchTokens = 2048

  /// The prompts of all probes of some records; `nil` for a network without experts.
  public init?(
    base: Network, tokenizer: Tokenizer, records: [FactRecord], settings: EvaluationSettings
  ) throws {
    guard base.configuration.experts != nil else { return nil }
    let encoder = PromptEncoder(tokenizer, for: base.configuration)
    var known: Set<[Int32]> = []
    var texts: [[Int32]] = []
    for record in records {
      let questions = try RecordQuestions(
        record, settings, encoder, positionCount: base.configuration.positionCount)
      for prompt in questions.probes.map(\.prompt)
      where !prompt.isEmpty && encoder.fits(prompt.count) && known.insert(prompt).inserted {
        texts.append(prompt)
      }
    }
    self.base = base
    self.texts = texts
  }

  /// The share of tokens whose chosen experts are not the base's in some layer; `nil` without texts.
  func share(of network: Network) throws -> Double? {
    var (changed, count) = (0, 0)
    var batch: [TokenSequence] = []
    var rows = 0
    func flush() throws {
      let before = try base.chosenExperts(in: batch)
      let after = try network.chosenExperts(in: batch)
      changed += (0..<rows).count { row in zip(before, after).contains { $0[row] != $1[row] } }
      count += rows
      (batch, rows) = ([], 0)
    }
    for text in texts {
      batch.append(TokenSequence(text))
      rows += text.count
      if rows >= Self.batchTokens { try flush() }
    }
    if rows > 0 { try flush() }
    return count > 0 ? Double(changed) / Double(count) : nil
  }
}
