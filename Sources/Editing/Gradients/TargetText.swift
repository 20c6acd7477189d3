internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// A fact's prompt with its target, as methods without a subject take it.
struct TargetText {
  /// The prompt, and the target but for its last token.
  let tokens: [Int32]
  /// Target tokens, each with the position that predicts it.
  let targets: [(position: Int, token: Int)]
  /// The edit it belongs to.
  let edit: Int

  /// All facts of some problems, without contexts: plainly, and in a chat where they are to hold there too.
  static func all(_ problems: [ValueProblem]) -> [TargetText] {
    problems.enumerated().flatMap { edit, problem in
      problem.prompts.flatMap(\.bareTexts).map { text in
        TargetText(
          tokens: text.tokens + text.target.dropLast(),
          targets: text.target.enumerated().map { (text.tokens.count - 1 + $0, Int($1)) }, edit: edit)
      }
    }
  }
}

extension Network {
  /// −log p of texts' targets, the mean over each target's tokens, and its gradient.
  ///
  /// - Parameters:
  ///   - hidden: the stream after some block, at all positions of the texts. `[positions × width]`
  ///   - layer: that block.
  ///   - weight: of each text in the loss that the gradient is of.
  /// - Returns: `gradient`: by the stream. `[positions × width]`
  func targetLosses(
    _ texts: [TargetText], from hidden: Matrix<Float>, above layer: Int, weight: Float
  ) throws -> (losses: [Float], gradient: Rows) {
    let run = try run(
      texts.map { TokenSequence($0.tokens) }, from: hidden, .init(layer + 1..<configuration.layerCount),
      keeping: .tape)
    var rows: [Int] = []
    var terms: [LossTerm] = []
    for (text, place) in zip(texts, run.sequenceRows) {
      for target in text.targets {
        terms.append(
          LossTerm(row: rows.count, .target(target.token), weight: weight / Float(text.targets.count)))
        rows.append(place.lowerBound + target.position)
      }
    }
    let logits = logits(of: run, rows: rows)
    let (values, gradient) = try loss(terms, of: logits)
    var next = 0
    let losses = texts.map { text in
      defer { next += text.targets.count }
      return values[next..<next + text.targets.count].reduce(0, +) / Float(text.targets.count)
    }
    return (losses, backward(run, logits: logits, gradient: gradient))
  }
}
