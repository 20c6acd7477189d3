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
      for row in range {
        if subtractsMean {
          weight.withUnsafeBufferPointer { weight in
            if let bias {
              errata_layer_norm(x.row(row), weight.baseAddress, bias, epsilon, y.row(row), count)
            } else {
              errata_layer_norm(x.row(row), weight.baseAddress, nil, epsilon, y.row(row), count)
            }
          }
        } else {
          errata_rms_norm(x.row(row), weight, epsilon, y.row(row), count)
        }
      }
    }
    return y
  }

  /// Adds the gradient of the input to `dx`, given the input and the gradient of the output.
  func backward(_ x: Rows, _ dy: Rows, into dx: Rows, work: Work) {
    let count = x.width
    work.forRows(x.count, cost: 8 * count) { range in
      for row in range {
        if subtractsMean {
          errata_layer_norm_backward(x.row(row), weight, epsilon, dy.row(row), dx.row(row), count)
        } else {
          errata_rms_norm_backward(x.row(row), weight, epsilon, dy.row(row), dx.row(row), count)
        }
      }
    }
  }
}
