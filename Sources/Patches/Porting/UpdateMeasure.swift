internal import LinearAlgebra
public import ModelFiles
internal import Synchronization

/// What rounding left of an update Δ: the stored weights moved by Δ̂.
public struct UpdateMeasure: Sendable {
  var squaredBase = 0.0
  var squaredUpdate = 0.0
  var product = 0.0
  var squaredError = 0.0
  /// ⟨Δ̂K, ΔK⟩ and ⟨ΔK, ΔK⟩ at the edits' own keys.
  var (keyProduct, keySquare) = (0.0, 0.0)

  /// ‖Δ‖ / ‖W‖.
  public var relativeNorm: Double { ratio(squaredUpdate, squaredBase).squareRoot() }
  /// ⟨Δ̂, Δ⟩ / ⟨Δ, Δ⟩ over all weights: the share of the update that is left. 1 where nothing is lost.
  public var retention: Double { ratio(product, squaredUpdate) }
  /// ‖Δ̂ − Δ‖ / ‖Δ‖: what rounding added and took, against the update.
  public var relativeError: Double { ratio(squaredError, squaredUpdate).squareRoot() }

  /// ⟨Δ̂K, ΔK⟩ / ⟨ΔK, ΔK⟩: the share of the wanted change of outputs that is left at the edits' own keys, which is what an edit
  /// is for; `nil` where the patch does not carry keys, or no scales are shared.
  public var keyRetention: Double? { keySquare > 0 ? keyProduct / keySquare : nil }

  private func ratio(_ value: Double, _ whole: Double) -> Double { whole > 0 ? value / whole : 0 }

  /// Takes one weight before and after, and the update it should have got. Weights that are not numbers are passed over.
  mutating func add(base: Float, edited: Float, update: Float) {
    let moved = edited - base
    guard moved.isFinite else { return }
    squaredBase += Double(base) * Double(base)
    squaredUpdate += Double(update) * Double(update)
    product += Double(moved) * Double(update)
    let error = Double(moved) - Double(update)
    squaredError += error * error
  }

  mutating func add(_ other: UpdateMeasure) {
    squaredBase += other.squaredBase
    squaredUpdate += other.squaredUpdate
    product += other.product
    squaredError += other.squaredError
    keyProduct += other.keyProduct
    keySquare += other.keySquare
  }

  /// Takes whole rows of an output-major weight: what they moved by, and should have.
  ///
  /// - Parameter keys: `[edits × columns]`
  mutating func add(moved: consuming Matrix<Float>, update: consuming Matrix<Float>, at keys: Matrix<Float>) {
    let got = moved.times(keys, otherTransposed: true)
    let wanted = update.times(keys, otherTransposed: true)
    for (g, w) in zip(got.elements, wanted.elements) {
      keyProduct += Double(g) * Double(w)
      keySquare += Double(w) * Double(w)
    }
  }

  /// The numbers as patches and `--json` carry them.
  public var json: JSONValue {
    [
      "relativeNorm": .measured(relativeNorm), "retention": .measured(retention),
      "relativeError": .measured(relativeError),
      "keyRetention": keyRetention.map { .measured($0) } ?? .null,
    ]
  }
}

/// Gathers the measures of a tensor's pieces, from any thread, and adds them in one order.
final class UpdateMeter: Sendable {
  private let pieces = Mutex<[Int: UpdateMeasure]>([:])

  func put(_ measure: UpdateMeasure, at position: Int) { pieces.withLock { $0[position] = measure } }

  subscript(position: Int) -> UpdateMeasure { pieces.withLock { $0[position] ?? UpdateMeasure() } }

  var total: UpdateMeasure {
    pieces.withLock { pieces in
      pieces.keys.sorted().reduce(into: UpdateMeasure()) { total, position in
        if let piece = pieces[position] { total.add(piece) }
      }
    }
  }
}
