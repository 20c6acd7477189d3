public import LinearAlgebra
internal import ModelFiles

/// Between what a part of a block gives and what it changes of the residual stream. Where nothing lies between, a change wanted of the
/// stream is one of the weight's output; behind a norm it is not, for there a part of the output along itself is invisible.
extension Network {
  /// The two parts of a block.
  public enum Part: Sendable {
    case attention
    case feedForward
  }

  private func addition(_ part: Part, _ layer: Int) -> Addition {
    switch part {
    case .attention: blocks[layer].attentionAddition
    case .feedForward: blocks[layer].feedForwardAddition
    }
  }

  /// Whether the stream gets a part's output as it is.
  public func addsPlainly(_ part: Part, layer: Int) -> Bool { addition(part, layer).isPlain }

  /// What outputs of a block's part add to the stream. `[rows × width]`
  public func addition(of outputs: Matrix<Float>, _ part: Part, layer: Int) -> Matrix<Float> {
    let addition = addition(part, layer)
    return addition.isPlain ? outputs : addition.forward(work.pool.rows(outputs), work: work).matrix()
  }

  /// The gradient of outputs of a block's part, given that of the stream after it. `[rows × width]`
  public func gradient(
    of outputs: Matrix<Float>, _ part: Part, layer: Int, after gradient: Matrix<Float>
  ) -> Matrix<Float> {
    let addition = addition(part, layer)
    if addition.isPlain { return gradient }
    return addition.backward(work.pool.rows(gradient), of: work.pool.rows(outputs), work: work).matrix()
  }

  /// The gradient of a layer's keys, given that of its down-projection's output. `[rows × keyWidth]`
  ///
  /// - Precondition: the layer has one feed-forward, and no experts.
  public func keyGradient(after gradient: Matrix<Float>, layer: Int) -> Matrix<Float> {
    guard let feedForward = blocks[layer].feedForward.one else { preconditionFailure("one feed-forward") }
    let keys = work.pool.rows(gradient.rows, feedForward.down.inputWidth)
    feedForward.down.backward(work.pool.rows(gradient), into: keys, adding: false, work: work)
    return keys.matrix()
  }

  /// Rows of the head: what a state's product with is a token's logit, but for the final norm. `[tokens × width]`
  ///
  /// - Throws: `NetworkError.unknownToken`.
  public func headRows(of tokens: [Int32]) throws -> Matrix<Float> {
    for token in tokens { try configuration.check(token) }
    // A unit gradient of a logit is its row.
    let units = work.pool.rows(tokens.count, configuration.vocabularySize)
    units.clear()
    for (place, token) in tokens.enumerated() { units.row(place)[Int(token)] = 1 }
    let rows = work.pool.rows(tokens.count, configuration.width)
    head.backward(units, into: rows, adding: false, work: work)
    return rows.matrix()
  }
}
