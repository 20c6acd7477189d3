internal import ModelFiles

/// A block: attention and MLP around one residual stream.
struct Block: Sendable {
  let attentionNorm: Norm
  /// The MLP's own norm; `nil` where it shares attention's.
  let feedForwardNorm: Norm?
  let attention: Attention
  let feedForward: FeedForward
  let order: NetworkDesign.BlockOrder
  let window: Int?

  /// What the backward pass needs.
  struct Tape {
    let input: Rows
    let attention: Attention.Tape?
    /// x + attention, where the MLP reads that.
    let middle: Rows?
    let feedForward: FeedForward.Tape
  }

  /// What a run tells of a block, in this order.
  typealias Observer = (_ activation: Activation, _ rows: Rows) -> Void

  /// Runs the block.
  ///
  /// - Parameters:
  ///   - isMiddle: the rows are already x + attention.
  ///   - stopsAtKey: nothing after the key is wanted.
  ///   - finished: rows, rising, whose output is wanted; `nil` for all. What is observed is theirs.
  ///   - alike: rows of the input that are the same numbers; not for a norm shared with the MLP.
  /// - Returns: the block's output, `nil` when it was stopped.
  func forward(
    _ input: Rows, _ batch: Batch, layer: Int, isMiddle: Bool, stopsAtKey: Bool, finishing finished: [Int]?,
    alike: AlikeRows?, rotary: RotaryTable?, work: Work, observe: Observer?
  ) -> (output: Rows?, tape: Tape?) {
    precondition(!isMiddle || order == .sequential, "only a sequential block has a middle")
    precondition(alike == nil || order != .parallelSharedNorm, "the MLP takes every row")
    precondition(!isMiddle || finished == nil, "rows to finish are chosen before attention")
    // From attention on, only the rows that are to be finished.
    let x = finished.map { input.picked($0, work: work) } ?? input
    var attentionTape: Attention.Tape?
    var middle: Rows?
    var attended: Rows?
    let normed: Rows
    if isMiddle {
      middle = x
      normed = (feedForwardNorm ?? attentionNorm).forward(x, work: work)
    } else {
      let attentionInput = attentionNorm.forward(
        alike.map { input.picked($0.firsts, work: work) } ?? input, work: work)
      let (output, tape) = attention.forward(
        attentionInput, batch, layer: layer, finishing: finished, kinds: alike?.kinds, window: window,
        rotary: rotary, work: work)
      observe?(.attentionOutput, output)
      attentionTape = tape
      switch order {
      case .sequential:
        output.add(x, work: work)
        middle = output
        normed = (feedForwardNorm ?? attentionNorm).forward(output, work: work)
      case .parallel:
        attended = output
        normed = (feedForwardNorm ?? attentionNorm).forward(x, work: work)
      case .parallelSharedNorm:
        attended = output
        normed = finished.map { attentionInput.picked($0, work: work) } ?? attentionInput
      }
    }
    let (key, feedForwardTape) = feedForward.key(normed, work: work)
    observe?(.key, key)
    let tape = Tape(input: x, attention: attentionTape, middle: middle, feedForward: feedForwardTape)
    if stopsAtKey { return (nil, tape) }
    let output = feedForward.value(key, work: work)
    observe?(.value, output)
    output.add(middle ?? x, work: work)
    if let attended { output.add(attended, work: work) }
    observe?(.hidden, output)
    return (output, tape)
  }

  /// The gradient of the block's input, or of its middle where the run began there.
  func backward(_ dy: Rows, _ tape: Tape, _ batch: Batch, rotary: RotaryTable?, work: Work) -> Rows {
    let dnormed = feedForward.backward(dy, tape.feedForward, work: work)
    let dx = work.pool.rows(dy.count, dy.width)
    dx.base.update(from: dy.base, count: dy.count * dy.width)
    let norm = feedForwardNorm ?? attentionNorm
    norm.backward(tape.middle ?? tape.input, dnormed, into: dx, work: work)
    guard let attentionTape = tape.attention else { return dx }
    // The attention's output reaches the block's through all that follows it, or, in parallel, only by the sum.
    let reached = order == .sequential ? dx : dy
    let dattended = attention.backward(
      reached, attentionTape, batch, window: window, rotary: rotary, work: work)
    attentionNorm.backward(tape.input, dattended, into: dx, work: work)
    return dx
  }
}

extension Rows {
  /// A copy of some rows.
  func picked(_ indices: [Int], work: Work) -> Rows {
    let rows = work.pool.rows(indices.count, width)
    for (place, index) in indices.enumerated() { rows.row(place).update(from: row(index), count: width) }
    return rows
  }
}

/// A place in a block whose numbers can be looked at.
public enum Activation: String, Sendable {
  /// Attention's output, before the residual sum. `[rows × width]`
  case attentionOutput
  /// The input of the down-projection. `[rows × feedForwardWidth]`
  case key
  /// The output of the down-projection, before the residual sum. `[rows × width]`
  case value
  /// The residual stream after the block. `[rows × width]`
  case hidden
}

extension Rows {
  /// Adds other rows to these.
  func add(_ other: Rows, work: Work) {
    precondition(other.count == count && other.width == width, "rows of one shape")
    work.forRows(count, cost: width) { rows in
      Kernel.add(other.row(rows.lowerBound), to: row(rows.lowerBound), count: rows.count * width)
    }
  }
}
