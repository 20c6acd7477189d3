internal import Kernels
internal import ModelFiles

/// Experts of a layer: Σ_e g_e · down_e(act(gate_e x) · up_e x), over the experts that the router chooses for a position.
///
/// The weight g_e goes into the key: with k̃_e = g_e · act(gate_e x) · up_e x, and 0 where e is not chosen, the down-projections beside each
/// other are one linear map of the keys above each other, which is what is edited.
struct Experts: Sendable {
  let router: Linear
  let experts: [FeedForward]
  let routing: ExpertRouting

  /// Length of all experts' keys above each other.
  var keyWidth: Int { experts.count * routing.width }

  /// What an expert does with the rows that go through it.
  struct Part {
    let expert: Int
    /// Rows of the batch, rising.
    let rows: [Int]
    /// g of each.
    let weights: [Float]
    /// act(gate x) · up x. `[rows × width]`
    let plain: Rows
    /// The same times g.
    let key: Rows
    let tape: FeedForward.Tape
  }

  /// Keys, and what the backward pass needs.
  struct Keys {
    /// Softmax over all experts. `[rows × experts]`
    let probabilities: Rows
    /// Of the experts that some row goes through, rising.
    let parts: [Part]
  }

  /// The keys of each row.
  func keys(_ x: Rows, work: Work) -> Keys {
    let probabilities = work.pool.rows(x.count, experts.count)
    router.forward(x, into: probabilities, work: work)
    var chosen = [[(row: Int, weight: Float)]](repeating: [], count: experts.count)
    for row in 0..<x.count {
      errata_softmax(probabilities.row(row), 1, experts.count)
      for (expert, weight) in choice(probabilities.row(row)) { chosen[expert].append((row, weight)) }
    }
    let parts = chosen.enumerated().filter { !$1.isEmpty }.map { expert, list in
      let rows = list.map(\.row)
      let (plain, tape) = experts[expert].key(x.picked(rows, work: work), work: work)
      let key = plain.copied(work: work)
      for (place, item) in list.enumerated() {
        Kernel.scale(key.row(place), by: item.weight, count: key.width)
      }
      return Part(
        expert: expert, rows: rows, weights: list.map(\.weight), plain: plain, key: key, tape: tape)
    }
    return Keys(probabilities: probabilities, parts: parts)
  }

  /// The experts of a row with their weights: those of the largest probabilities, the first of equals.
  private func choice(_ probabilities: UnsafeMutablePointer<Float>) -> [(expert: Int, weight: Float)] {
    var best: [(expert: Int, weight: Float)] = []
    for expert in 0..<experts.count {
      let weight = probabilities[expert]
      if best.count == routing.chosen, !(weight > best[best.count - 1].weight) { continue }
      let place = best.firstIndex { weight > $0.weight } ?? best.count
      best.insert((expert, weight), at: place)
      if best.count > routing.chosen { best.removeLast() }
    }
    guard routing.renormalizes else { return best }
    let sum = best.reduce(0) { $0 + $1.weight }
    return best.map { ($0.expert, $0.weight / sum) }
  }

  /// The keys of all experts above each other. `[rows × keyWidth]`
  func stacked(_ keys: Keys, work: Work) -> Rows {
    let stack = work.pool.rows(keys.probabilities.count, keyWidth)
    stack.clear()
    for part in keys.parts {
      for (place, row) in part.rows.enumerated() {
        (stack.row(row) + part.expert * routing.width).update(from: part.key.row(place), count: routing.width)
      }
    }
    return stack
  }

  /// Takes back what became of stacked keys; those of experts that a row does not go through stay 0.
  func take(_ stack: Rows, into keys: Keys) {
    for part in keys.parts {
      for (place, row) in part.rows.enumerated() {
        part.key.row(place).update(from: stack.row(row) + part.expert * routing.width, count: routing.width)
      }
    }
  }

  /// The output of each row.
  func value(_ keys: Keys, work: Work) -> Rows {
    let value = work.pool.rows(keys.probabilities.count, experts[0].down.outputWidth)
    value.clear()
    for part in keys.parts {
      value.add(experts[part.expert].value(part.key, work: work), at: part.rows)
    }
    return value
  }

  /// The gradient of the input: through the experts, and through the weights of the router.
  func backward(_ dy: Rows, _ keys: Keys, work: Work) -> Rows {
    let dx = work.pool.rows(dy.count, router.inputWidth)
    dx.clear()
    // ∂loss/∂g of the chosen; 0 elsewhere.
    let dweights = work.pool.rows(dy.count, experts.count)
    dweights.clear()
    for part in keys.parts {
      let dkey = work.pool.rows(part.rows.count, routing.width)
      experts[part.expert].down.backward(
        dy.picked(part.rows, work: work), into: dkey, adding: false, work: work)
      for (place, row) in part.rows.enumerated() {
        let (gradient, plain) = (dkey.row(place), part.plain.row(place))
        var sum: Float = 0
        for i in 0..<routing.width { sum += gradient[i] * plain[i] }
        dweights.row(row)[part.expert] = sum
        Kernel.scale(gradient, by: part.weights[place], count: routing.width)
      }
      dx.add(experts[part.expert].backward(fromKey: dkey, part.tape, work: work), at: part.rows)
    }
    turnIntoLogits(dweights, keys)
    router.backward(dweights, into: dx, adding: true, work: work)
    return dx
  }

  /// From gradients of the weights to those of the router's outputs.
  ///
  /// Weights that were renormalized are a softmax over the chosen; others are p of one over all: ∂p_i/∂l_j = p_i (δ_ij − p_j).
  private func turnIntoLogits(_ gradients: Rows, _ keys: Keys) {
    var sums = [Float](repeating: 0, count: gradients.count)
    for part in keys.parts {
      for (place, row) in part.rows.enumerated() {
        sums[row] += part.weights[place] * gradients.row(row)[part.expert]
      }
    }
    if routing.renormalizes {
      for part in keys.parts {
        for (place, row) in part.rows.enumerated() {
          let gradient = gradients.row(row)
          gradient[part.expert] = part.weights[place] * (gradient[part.expert] - sums[row])
        }
      }
      return
    }
    for row in 0..<gradients.count {
      let (gradient, p) = (gradients.row(row), keys.probabilities.row(row))
      for expert in 0..<experts.count { gradient[expert] = p[expert] * (gradient[expert] - sums[row]) }
    }
  }
}

extension Rows {
  /// Adds rows to some of these.
  func add(_ other: Rows, at rows: [Int]) {
    for (place, index) in rows.enumerated() { Kernel.add(other.row(place), to: row(index), count: width) }
  }
}
