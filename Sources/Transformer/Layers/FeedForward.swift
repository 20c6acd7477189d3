internal import Kernels
internal import ModelFiles

/// The MLP of a block: down(act(up x)), or down(act(gate x) · up x).
struct FeedForward: Sendable {
  let gate: Linear?
  let up: Linear
  /// The weight that is edited; its input is the key, its output the value.
  let down: Linear
  let activation: NetworkDesign.Activation

  /// What the backward pass needs.
  struct Tape {
    let gate: Rows?
    let up: Rows
  }

  /// The key of each row, and what was between.
  func key(_ x: Rows, work: Work) -> (key: Rows, tape: Tape) {
    let width = up.outputWidth
    let up = work.pool.rows(x.count, width)
    self.up.forward(x, into: up, work: work)
    let key = work.pool.rows(x.count, width)
    guard let gateWeight = self.gate else {
      work.forRows(x.count, cost: 4 * width) { rows in
        errata_activate(
          activation.kernel, up.row(rows.lowerBound), key.row(rows.lowerBound), rows.count * width)
      }
      return (key, Tape(gate: nil, up: up))
    }
    let gate = work.pool.rows(x.count, width)
    gateWeight.forward(x, into: gate, work: work)
    work.forRows(x.count, cost: 4 * width) { rows in
      let first = rows.lowerBound
      errata_activate_gated(
        activation.kernel, gate.row(first), up.row(first), key.row(first), rows.count * width)
    }
    return (key, Tape(gate: gate, up: up))
  }

  /// The output of each row, given its key.
  func value(_ key: Rows, work: Work) -> Rows {
    let value = work.pool.rows(key.count, down.outputWidth)
    down.forward(key, into: value, work: work)
    return value
  }

  /// The gradient of the input.
  func backward(_ dy: Rows, _ tape: Tape, work: Work) -> Rows {
    let dkey = work.pool.rows(dy.count, up.outputWidth)
    down.backward(dy, into: dkey, adding: false, work: work)
    return backward(fromKey: dkey, tape, work: work)
  }

  /// The gradient of the input, given the key's, which is used up.
  func backward(fromKey dkey: Rows, _ tape: Tape, work: Work) -> Rows {
    let (dy, width) = (dkey, up.outputWidth)
    let dx = work.pool.rows(dy.count, up.inputWidth)
    guard let gateWeight = gate, let gate = tape.gate else {
      work.forRows(dy.count, cost: 6 * width) { rows in
        let first = rows.lowerBound
        errata_activate_backward(
          activation.kernel, tape.up.row(first), dkey.row(first), dkey.row(first), rows.count * width)
      }
      up.backward(dkey, into: dx, adding: false, work: work)
      return dx
    }
    let dgate = work.pool.rows(dy.count, width)
    work.forRows(dy.count, cost: 6 * width) { rows in
      let first = rows.lowerBound
      errata_activate_gated_backward(
        activation.kernel, gate.row(first), tape.up.row(first), dkey.row(first), dgate.row(first),
        dkey.row(first), rows.count * width)
    }
    up.backward(dkey, into: dx, adding: false, work: work)
    gateWeight.backward(dgate, into: dx, adding: true, work: work)
    return dx
  }
}

extension NetworkDesign.Activation {
  var kernel: errata_activation {
    switch self {
    case .gelu: errata_gelu
    case .geluTanh: errata_gelu_tanh
    case .relu: errata_relu
    case .silu: errata_silu
    }
  }
}
