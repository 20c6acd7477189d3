import LinearAlgebra
import Patches
import TestSupport
import Testing

@testable import Editing

/// Distributions over layers, held against what they are defined by.
@Suite struct LayerSpreadTests {
  private let missing = Matrix<Double>(rows: 2, columns: 3, elements: [1, -2, 3, 0.5, 4, -1])

  @Test func `equal parts close the gap, root leaves some, last writes it whole`() throws {
    func left(_ spread: LayerSpread, layers: Int) throws -> Double {
      var rest = missing
      for remaining in (1...layers).reversed() {
        rest.subtract(try spread.part(rest, .init(remaining: remaining)))
      }
      return rest.elements.sumOfSquares
    }
    #expect(try left(.equal, layers: 4) < 1e-20 && left(.root, layers: 4) < 1e-20)
    #expect(try LayerSpread.root.part(missing, .init(remaining: 4)).elements[0] == 0.5)
    #expect(try LayerSpread.last.part(missing, .init(remaining: 1)) == missing)
    #expect(
      LayerSpread.last.written(of: [3, 4, 5]) == [5] && LayerSpread.root.written(of: [3, 4]) == [3, 4])
  }

  @Test func `proportional parts go by each fact's own keys`() throws {
    let keys = [[3.0, 0, 0, 1], [1, 0, 0, 2]].map { Matrix<Double>(rows: 2, columns: 2, elements: $0) }
    let part = try LayerSpread.proportional.part(missing, .init(remaining: 2, reducedKeys: keys))
    #expect(part.elements.map { ($0 * 1e9).rounded() / 1e9 } == [0.9, -1.8, 2.7, 0.1, 0.8, -0.2])
  }

  @Test func `joint is the solution of the problem with one long key`() throws {
    // Two layers with keys of widths 3 and 2, Q = I, two edits.
    let keys = [
      Matrix<Double>(rows: 2, columns: 3, elements: [1, 2, 0, -1, 0.5, 2]),
      Matrix<Double>(rows: 2, columns: 2, elements: [0.3, -1, 2, 1]),
    ]
    let ridge = 0.7
    var long = Matrix<Double>(rows: 2, columns: 5)
    for row in 0..<2 {
      for column in 0..<5 { long[row, column] = column < 3 ? keys[0][row, column] : keys[1][row, column - 3] }
    }
    func update(_ keys: Matrix<Double>, _ residuals: Matrix<Double>) throws -> Matrix<Double> {
      var mixed = residuals
      try RegularizedSystem(gram: keys.rowGram(), ridge: ridge).solve(&mixed, vectors: .columns)
      return mixed.times(keys, transposed: true)
    }
    let whole = try update(long, missing)
    for (layer, columns) in [0..<3, 3..<5].enumerated() {
      let order = layer == 0 ? keys : [keys[1], keys[0]]
      let part = try LayerSpread.joint.part(
        missing, .init(remaining: 2, reducedKeys: order, ridge: ridge))
      let own = try update(keys[layer], part)
      for row in 0..<3 {
        for (place, column) in columns.enumerated() {
          #expect(abs(own[row, place] - whole[row, column]) < 1e-12)
        }
      }
    }
  }

  @Test(arguments: LayerSpread.all) func `every distribution edits by every objective, and is recorded`(
    spread: LayerSpread
  ) throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-gpt2")
    for method in [EditMethod.memit, .emmet] {
      var run = try model.run(method, facts: 1, layers: spread.written(of: [1, 2]))
      run.plan.recipe.spread = spread
      let report = try run.write("\(method)", in: folder)
      #expect(report.failed.isEmpty, "\(method), \(spread)")
      #expect(report.card.weights.count == (spread == .last ? 1 : 2))
      let plan = try EditPlan(
        ofEdit: try #require(try PatchFile(folder.path("\(method)")).manifest["edit"]),
        family: model.network.configuration.family,
        file: "")
      #expect(plan.recipe.spread == spread)
    }
  }
}
