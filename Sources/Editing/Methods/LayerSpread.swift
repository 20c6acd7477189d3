internal import LinearAlgebra

/// How what is missing at the last edited layer is shared out over the layers: a value of its own beside the method, so that every objective
/// goes with every distribution.
///
///     for each layer ℓ of L₁ … L:  R_ℓ = part of (Z − hidden states at L), measured anew with the layers before ℓ edited
///
/// - Source: A Unified Framework for Model Editing (arXiv:2403.14236), which tells objectives and distributions apart.
public struct LayerSpread: Sendable {
  /// What it is called: `--spread`.
  public let name: String
  /// Other names that it goes by.
  var otherNames: [String] = []
  /// What it does, as half a sentence for help.
  public let summary: String
  /// Whether it asks for the keys of the layers still to come.
  var weighsKeys = false
  /// Whether it leaves all layers but the last alone.
  var writesLastOnly = false
  /// What one layer is to write. `[edits × width]`, as what is missing.
  let part: @Sendable (_ missing: Matrix<Double>, _ situation: Situation) throws -> Matrix<Double>

  /// What a layer's part depends on.
  struct Situation {
    /// Layers still to come, this one included.
    let remaining: Int
    /// HK for each of them, this one first; empty where the distribution weighs no keys. `[edits × reducedWidth]`
    var reducedKeys: [Matrix<Double>] = []
    /// ρ of the solves.
    var ridge = 0.0
  }
}

extension LayerSpread: CaseIterable {
  /// The distributions, in the order in which help tells of them.
  public static let all = [equal, root, last, proportional, joint]
  /// The same.
  public static var allCases: [LayerSpread] { all }

  /// The distribution of this name.
  public init?(name: String) {
    guard let spread = Self.all.first(where: { $0.name == name || $0.otherNames.contains(name) }) else {
      return nil
    }
    self = spread
  }

  /// Names for a sentence.
  public static func list(joining word: String = "or") -> String {
    all.dropLast().map(\.name).joined(separator: ", ") + " \(word) " + all.last!.name
  }

  /// The layers that are written, of those that it is given.
  func written(of layers: [Int]) -> [Int] { writesLastOnly ? Array(layers.suffix(1)) : layers }
}

extension LayerSpread {
  /// Every layer writes the same part of it, as published for MEMIT.
  ///
  /// - Source: kmeng01/memit, `memit/memit_main.py`.
  public static let equal = LayerSpread(
    name: "equal", otherNames: ["even"], summary: "every layer writes the same part",
    part: { $0.scaled(by: 1 / Double($1.remaining)) })

  /// What is left is divided by the root of the number of layers to come, as published for PMET.
  ///
  /// - Source: zjunlp/EasyEdit, `models/pmet/pmet_main.py`.
  public static let root = LayerSpread(
    name: "root", summary: "early layers write more",
    part: { $0.scaled(by: 1 / Double($1.remaining).squareRoot()) })

  /// The last layer writes all of it, as ROME and EMMET do where they have one layer.
  public static let last = LayerSpread(
    name: "last", summary: "the last layer alone writes", writesLastOnly: true,
    part: { missing, _ in missing })

  /// Each layer writes in proportion to g = kᵀQk of the fact's key there: as much as it costs least.
  ///
  /// To write r at a layer costs known keys tr(ΔCΔᵀ) = ‖r‖² / g; of all shares s_ℓ that sum to 1, Σ s_ℓ² / g_ℓ is least where
  /// s_ℓ = g_ℓ / Σ g.
  public static let proportional = LayerSpread(
    name: "proportional", summary: "each layer writes a fact in proportion to kᵀC⁻¹k, where that costs least",
    weighsKeys: true,
    part: { missing, situation in
      let reach = situation.reducedKeys.map { keys in (0..<keys.rows).map { Array(keys.row($0)).sumOfSquares }
      }
      var part = missing
      part.scale(
        rows: (0..<missing.rows).map { edit in
          let sum = reach.reduce(0) { $0 + $1[edit] }
          return sum > 0 ? reach[0][edit] / sum : 1 / Double(situation.remaining)
        })
      return part
    })

  /// The layers are one problem: each writes what it would if the keys of all stood in one long key.
  ///
  ///     min Σ_ℓ tr(Δ_ℓ Q_ℓ⁻¹ Δ_ℓᵀ) + ‖Σ_ℓ Δ_ℓ K_ℓ − R‖² / ρ   ⇒   Δ_ℓ K_ℓ-solve of  R_ℓ = R (Σ_j G_j + ρI)⁻¹ (G_ℓ + ρI),  G = KᵀQK
  ///
  /// `proportional` with the facts' keys weighed against each other, and with the ridge once for all layers and not once for each.
  public static let joint = LayerSpread(
    name: "joint", summary: "all layers are one problem, with the ridge once", weighsKeys: true,
    part: { missing, situation in
      var sum = Matrix<Double>(rows: missing.rows, columns: missing.rows)
      for keys in situation.reducedKeys { sum.add(keys.rowGram()) }
      var part = missing
      try RegularizedSystem(gram: sum, ridge: situation.ridge).solve(&part, vectors: .columns)
      var own = situation.reducedKeys[0].rowGram()
      for edit in 0..<own.rows { own[edit, edit] += situation.ridge }
      return own.times(part)
    })
}

extension LayerSpread: Hashable, CustomStringConvertible {
  /// Distributions are told apart by their names.
  public static func == (first: LayerSpread, second: LayerSpread) -> Bool { first.name == second.name }
  /// By name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  /// Its name.
  public var description: String { name }
}

extension Matrix<Double> {
  fileprivate func scaled(by factor: Double) -> Matrix {
    var matrix = self
    matrix.scale(by: factor)
    return matrix
  }
}
