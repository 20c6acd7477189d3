internal import Kernels
public import LinearAlgebra
internal import ModelFiles

/// Logits of some rows, and what the backward pass needs of them.
public struct LogitRows: Sendable {
  /// The rows of the run that were asked for.
  public let indices: [Int]
  /// One row of logits per index. `[indices.count × vocabularySize]`
  public let rows: Rows
  /// The hidden states before the final norm.
  let hidden: Rows
}

extension Network {
  /// Logits of chosen rows: final norm and head are run for no others.
  public func logits(of run: ForwardRun, rows indices: [Int]) -> LogitRows {
    let hidden = work.pool.rows(indices.count, configuration.width)
    for (place, index) in indices.enumerated() {
      hidden.row(place).update(from: run.hidden.row(run.place(of: index)), count: configuration.width)
    }
    let normed = finalNorm.forward(hidden, work: work)
    let logits = work.pool.rows(indices.count, configuration.vocabularySize)
    head.forward(normed, into: logits, work: work)
    bound(logits)
    return LogitRows(indices: indices, rows: logits, hidden: hidden)
  }

  /// Logits of the last position of each sequence. `[sequences × vocabularySize]`
  public func lastLogits(of run: ForwardRun) -> LogitRows {
    logits(of: run, rows: run.sequenceRows.map { $0.upperBound - 1 })
  }

  /// The gradient of the rows a run began with, given that of logits; earlier positions are constants.
  ///
  /// - Parameters:
  ///   - run: a run to the last block that kept its tape.
  ///   - logits: logits of that run.
  ///   - gradient: ∂loss/∂logits. `[logits.indices.count × vocabularySize]`
  /// - Returns: ∂loss/∂(the first block's input, or its middle). `[positions × width]`
  public func backward(_ run: ForwardRun, logits: LogitRows, gradient: Rows) -> Rows {
    precondition(gradient.count == logits.indices.count, "a gradient per row of logits")
    let width = configuration.width
    let dnormed = work.pool.rows(gradient.count, width)
    head.backward(unbound(gradient, logits.rows), into: dnormed, adding: false, work: work)
    let dlast = work.pool.rows(gradient.count, width)
    dlast.clear()
    finalNorm.backward(logits.hidden, dnormed, into: dlast, work: work)
    let dhidden = work.pool.rows(run.batch.rowCount, width)
    dhidden.clear()
    for (place, index) in logits.indices.enumerated() {
      Kernel.add(dlast.row(place), to: dhidden.row(index), count: width)
    }
    return backward(run, from: dhidden)
  }

  /// Multiplies what the head gives by the network's factor, and puts it through the cap.
  private func bound(_ logits: Rows) {
    let factors = configuration.factors
    guard factors.logits != 1 || factors.logitCap != nil else { return }
    work.forRows(logits.count, cost: 8 * logits.width) { rows in
      let (first, count) = (logits.row(rows.lowerBound), rows.count * logits.width)
      if let cap = factors.logitCap {
        errata_cap(first, factors.logits, cap, count)
      } else {
        Kernel.scale(first, by: factors.logits, count: count)
      }
    }
  }

  /// The gradient of what the head gives: that of a logit times factor and slope of the cap, 1 − (logit / cap)².
  private func unbound(_ gradient: Rows, _ logits: Rows) -> Rows {
    let factors = configuration.factors
    guard factors.logits != 1 || factors.logitCap != nil else { return gradient }
    let before = gradient.copied(work: work)
    work.forRows(before.count, cost: 4 * before.width) { rows in
      for row in rows {
        let (g, y) = (before.row(row), logits.row(row))
        for index in 0..<before.width {
          let share = factors.logitCap.map { y[index] / $0 } ?? 0
          g[index] *= factors.logits * (1 - share * share)
        }
      }
    }
    return before
  }

  /// The gradient of the rows a run began with, given that of the rows it ended with. `[positions × width]`
  public func backward(_ run: ForwardRun, from gradient: Matrix<Float>) -> Rows {
    backward(run, from: work.pool.rows(gradient))
  }

  /// The gradient of the rows a run began with, given that of the rows it ended with.
  public func backward(_ run: ForwardRun, from gradient: Rows) -> Rows {
    var gradient = gradient
    for (layer, tape) in run.tapes.reversed() {
      if layer > run.tapes[0].layer { pages?.prepare(layer - 1) }
      gradient = blocks[layer].backward(gradient, tape, run.batch, rotary: run.rotary[layer], work: work)
      pages?.release(layer)
    }
    return gradient
  }
}
