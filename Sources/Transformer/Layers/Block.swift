internal import ModelFiles

/// A block: attention and MLP around one residual stream.
struct Block: Sendable {
  /// Attention's norm; `nil` where it reads the stream as it is.
  let attentionNorm: Norm?
  /// The MLP's own norm; `nil` where it shares attention's, or reads the stream as it is.
  let feedForwardNorm: Norm?
  let attention: Attention
  let feedForward: MLP
  /// How what attention gives is added to the stream.
  let attentionAddition: Addition
  /// How what the MLP gives is added.
  let feedForwardAddition: Addition
  let order: NetworkDesign.BlockOrder
  let window: Int?

  /// What the backward pass needs.
  struct Tape {
    let input: Rows
    let attention: Attention.Tape?
    /// What attention gave, where a norm follows it.
    let attended: Rows?
    /// x + attention, where the MLP reads that.
    let middle: Rows?
    let feedForward: MLP.Keys
    /// What the MLP gave, where a norm follows it.
    let value: Rows?
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
  ///   - offsets: are added to what the down-projection gives.
  /// - Returns: the block's output, `nil` when it was stopped.
  func forward(
    _ input: Rows, _ batch: Batch, layer: Int, isMiddle: Bool, stopsAtKey: Bool, finishing finished: [Int]?,
    alike: AlikeRows?, offsets: Rows? = nil, rotary: RotaryTable?, work: Work, showsKeys: Bool = true,
    observe: Observer?
  ) -> (output: Rows?, tape: Tape?) {
    precondition(!isMiddle || order == .sequential, "only a sequential block has a middle")
    precondition(alike == nil || order != .parallelSharedNorm, "the MLP takes every row")
    precondition(!isMiddle || finished == nil, "rows to finish are chosen before attention")
    // From attention on, only the rows that are to be finished.
    let x = finished.map { input.picked($0, work: work) } ?? input
    var attentionTape: Attention.Tape?
    var attendedBefore: Rows?
    var middle: Rows?
    var attended: Rows?
    let normed: Rows
    if isMiddle {
      middle = x
      normed = feedForwardNorm?.forward(x, work: work) ?? x
    } else {
      let attentionRows = alike.map { input.picked($0.firsts, work: work) } ?? input
      let attentionInput = attentionNorm?.forward(attentionRows, work: work) ?? attentionRows
      let (output, tape) = attention.forward(
        attentionInput, batch, layer: layer, finishing: finished, kinds: alike?.kinds, window: window,
        rotary: rotary, work: work)
      observe?(.attentionOutput, output)
      attentionTape = tape
      let added = attentionAddition.forward(output, work: work)
      if attentionAddition.norm != nil { attendedBefore = output }
      switch order {
      case .sequential:
        added.add(x, work: work)
        middle = added
        normed = feedForwardNorm?.forward(added, work: work) ?? added
      case .parallel:
        attended = added
        normed = feedForwardNorm?.forward(x, work: work) ?? x
      case .parallelSharedNorm:
        attended = added
        normed = finished.map { attentionInput.picked($0, work: work) } ?? attentionInput
      }
    }
    observe?(.feedForwardInput, normed)
    let keys = feedForward.keys(normed, work: work)
    if let observe, showsKeys { feedForward.show(keys, work: work) { observe(.key, $0) } }
    func tape(value: Rows?) -> Tape {
      Tape(
        input: x, attention: attentionTape, attended: attendedBefore, middle: middle,
        feedForward: keys, value: value)
    }
    if stopsAtKey { return (nil, tape(value: nil)) }
    let value = feedForward.value(keys, work: work)
    if let offsets { value.add(offsets, work: work) }
    observe?(.value, value)
    let output = feedForwardAddition.forward(value, work: work)
    output.add(middle ?? x, work: work)
    if let attended { output.add(attended, work: work) }
    observe?(.hidden, output)
    return (output, tape(value: feedForwardAddition.norm == nil ? nil : value))
  }

  /// The gradient of the block's input, or of its middle where the run began there.
  func backward(_ dy: Rows, _ tape: Tape, _ batch: Batch, rotary: RotaryTable?, work: Work) -> Rows {
    let dvalue = feedForwardAddition.backward(dy, of: tape.value, work: work)
    let dnormed = feedForward.backward(dvalue, tape.feedForward, work: work)
    let dx = dy.copied(work: work)
    let read = tape.middle ?? tape.input
    if let norm = order == .parallelSharedNorm ? attentionNorm : feedForwardNorm {
      norm.backward(read, dnormed, into: dx, work: work)
    } else {
      dx.add(dnormed, work: work)
    }
    guard let attentionTape = tape.attention else { return dx }
    // The attention's output reaches the block's through all that follows it, or, in parallel, only by the sum.
    let reached = attentionAddition.backward(order == .sequential ? dx : dy, of: tape.attended, work: work)
    let dattended = attention.backward(
      reached, attentionTape, batch, window: window, rotary: rotary, work: work)
    if let attentionNorm {
      attentionNorm.backward(tape.input, dattended, into: dx, work: work)
    } else {
      dx.add(dattended, work: work)
    }
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
  /// What the feed-forward reads: the stream, normed where a norm comes before it. `[rows × width]`
  case feedForwardInput
  /// The input of the down-projection; of experts, of each after the other, with the router's weight in it and 0 for those that a row
  /// does not go through. `[rows × keyWidth]`
  case key
  /// The output of the down-projection, before the residual sum. `[rows × width]`
  case value
  /// The residual stream after the block. `[rows × width]`
  case hidden
}

extension Rows {
  /// A copy of all rows.
  func copied(work: Work) -> Rows {
    let rows = work.pool.rows(count, width)
    rows.base.update(from: base, count: count * width)
    return rows
  }

  /// Adds other rows to these.
  func add(_ other: Rows, work: Work) {
    precondition(other.count == count && other.width == width, "rows of one shape")
    work.forRows(count, cost: width) { rows in
      Kernel.add(other.row(rows.lowerBound), to: row(rows.lowerBound), count: rows.count * width)
    }
  }
}
