internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// The texts of a record that an editor is trained and tested with, and the states in which they enter the edited layers.
struct TrainingTexts: Sendable {
  /// A text, with what is asked of it.
  struct Part: Sendable {
    let text: TargetText
    /// What enters the first edited layer; never changes. `[tokens × width]`
    let hidden: Matrix<Float>
    /// Whether what the model says is to stay, and the targets are no targets.
    let isNeighbor: Bool
  }

  /// What the fact is about; its prompt where that is not told.
  var subject = ""
  /// The fact's own prompt.
  let prompt: Part
  /// The same in other words.
  let paraphrases: [Part]
  /// Prompts about others.
  let neighbors: [Part]
  /// What an editor is told of it.
  var input: UpdateInput

  /// Texts of one kind that are kept for a record.
  private static let limit = 4

  /// Prepares records; those that have nothing to hold to what they say, or too long a text, are left out.
  ///
  /// - Returns: also the places of those that were left out.
  static func prepare(
    _ records: [FactRecord], network: Network, encoder: PromptEncoder, layers: [Int],
    kind: EditorKind, progress: () throws -> Void
  ) throws -> (texts: [TrainingTexts], leftOut: [Int]) {
    let reader = UpdateInputReader(network: network, encoder: encoder, layers: layers, kind: kind)
    let layered = LayerGradients(network: network, layers: layers)
    var found: [TrainingTexts] = []
    var leftOut: [Int] = []
    for (place, record) in records.enumerated() {
      try progress()
      func texts(_ probes: [Probe]) -> [TargetText] {
        probes.prefix(limit).compactMap { probe in
          guard let answer = probe.answer,
            let continuation = try? encoder.continuation(probe.prompt, probe.join(before: answer), answer)
          else { return nil }
          return TargetText(continuation)
        }
      }
      let own = texts([record.efficacyProbe])
      let (others, neighbors) = (texts(record.paraphrases), texts(record.neighbors))
      let all = own + others + neighbors
      let longest = all.map { $0.tokens.count + 1 }.max() ?? 0
      guard own.count == 1, !neighbors.isEmpty, longest <= network.configuration.positionCount else {
        leftOut.append(place)
        continue
      }
      let hidden = try layered.inputs(of: all.map { TokenSequence($0.tokens) })
      var first = 0
      let parts = all.enumerated().map { index, text in
        defer { first += text.tokens.count }
        return Part(
          text: text, hidden: hidden.selecting(rows: first..<first + text.tokens.count),
          isNeighbor: index > others.count)
      }
      let input = try reader.read(own[0], words: record.fact, from: parts[0].hidden).input
      found.append(
        TrainingTexts(
          subject: record.fact.subject.isEmpty ? record.fact.prompt : record.fact.subject, prompt: parts[0],
          paraphrases: parts.filter { !$0.isNeighbor }.dropFirst().map { $0 },
          neighbors: parts.filter(\.isNeighbor), input: input))
    }
    return (found, leftOut)
  }
}

extension TargetText {
  /// A text and what follows it.
  init(_ continuation: Continuation, edit: Int = 0) {
    self.init(
      tokens: continuation.prompt + continuation.target.dropLast(),
      targets: continuation.target.enumerated().map { (continuation.prompt.count - 1 + $0, Int($1)) },
      edit: edit)
  }
}
