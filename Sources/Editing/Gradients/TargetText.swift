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
  /// Which of the edit's prompts it is, counted through those of a chat as well.
  var variant = 0

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

extension TargetText {
  /// Contexts of a prompt that are trained on, the bare text among them.
  private static let contextLimit = 8

  /// All facts of some problems, bare and in contexts.
  static func inContexts(_ problems: [ValueProblem]) -> [TargetText] {
    problems.enumerated().flatMap { edit, problem in
      problem.prompts.enumerated().flatMap { number, prompt in
        [false, true].flatMap { isChat in
          prompt.texts.filter { $0.isChat == isChat }.prefix(contextLimit).map { text in
            TargetText(
              tokens: text.tokens + text.target.dropLast(),
              targets: text.target.enumerated().map { (text.tokens.count - 1 + $0, Int($1)) }, edit: edit,
              variant: 2 * number + (isChat ? 1 : 0))
          }
        }
      }
    }
  }
}

extension [[Float]] {
  /// Of each edit the mean of its texts' losses, step by step.
  func curves(of texts: [TargetText], edits: Int) -> [[Float]] {
    let steps = first?.count ?? 0
    var curves = [[Float]](repeating: [], count: edits)
    for step in 0..<steps {
      for (edit, mean) in map({ $0[step] }).means(of: texts, count: edits).enumerated() {
        curves[edit].append(mean)
      }
    }
    return curves
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
    let answers = try targetAnswers(texts, from: hidden, above: layer, weight: weight)
    return (answers.losses, answers.gradient)
  }

  /// The same, and whether every token of the targets is the most probable one in its place.
  func targetAnswers(
    _ texts: [TargetText], from hidden: Matrix<Float>, above layer: Int, weight: Float
  ) throws -> (losses: [Float], gradient: Rows, isSaid: Bool) {
    let run = try run(
      texts.map { TokenSequence($0.tokens) }, from: hidden, .init(layer + 1..<configuration.layerCount),
      keeping: .tape)
    let (rows, terms) = texts.targetTerms(weight: weight)
    let logits = logits(of: run, rows: rows)
    let (values, gradient) = try loss(terms, of: logits)
    let losses = texts.targetMeans(values)
    let isSaid = terms.allSatisfy { term in
      guard case .target(let token) = term.kind else { return true }
      return logits.mostProbable(row: term.row) == token
    }
    return (losses, backward(run, logits: logits, gradient: gradient), isSaid)
  }
}

extension TargetText {
  /// The same as a text and what is to follow it.
  var continuation: Continuation {
    Continuation(
      prompt: Array(tokens[...targets[0].position]), target: targets.map { Int32($0.token) })
  }
}
