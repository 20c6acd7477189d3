internal import Kernels

/// Layer norm, or the root-mean-square norm of Llama.
///
/// - Source: arXiv:1607.06450; arXiv:1910.07467.
struct Norm: Sendable {
  let weight: [Float]
  let bias: [Float]?
  let epsilon: Float
  let subtractsMean: Bool

  /// The norm of each row.
  func forward(_ x: Rows, work: Work) -> Rows {
    let y = work.pool.rows(x.count, x.width)
    let count = x.width
    work.forRows(x.count, cost: 4 * count) { range in
      for row in range { scale(x.row(row), into: y.row(row)) }
    }
    return y
  }

  /// The norm of as many numbers as it has weights; the two may be the same memory.
  func scale(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    if !subtractsMean {
      errata_rms_norm(x, weight, epsilon, y, weight.count)
    } else if let bias {
      errata_layer_norm(x, weight, bias, epsilon, y, weight.count)
    } else {
      errata_layer_norm(x, weight, nil, epsilon, y, weight.count)
    }
  }

  /// Adds the gradient of the input to `dx`, given the input and the gradient of the output.
  func backward(_ x: Rows, _ dy: Rows, into dx: Rows, work: Work) {
    let count = x.width
    work.forRows(x.count, cost: 8 * count) { range in
      for row in range { addGradient(x.row(row), dy.row(row), to: dx.row(row)) }
    }
  }

  /// Adds the gradient of the input of one norm to `dx`.
  func addGradient(
    _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
  ) {
    if subtractsMean {
      errata_layer_norm_backward(x, weight, epsilon, dy, dx, weight.count)
    } else {
      errata_rms_norm_backward(x, weight, epsilon, dy, dx, weight.count)
    }
  }
}
