import Kernels
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

extension ElementType {
  /// All whose elements have codes of their own.
  static let coded = allCases.filter(\.hasCodes)

  /// Blocks of any codes under sensible scales.
  func randomBlocks(_ count: Int, seed: UInt64) throws -> [UInt8] {
    var generator = SplitMix64(state: seed)
    if isEncodable { return try encoded(generator.normals(count * blockElementCount).map(Float.init)) }
    return (0..<count).flatMap { _ -> [UInt8] in
      var block = (0..<blockByteCount).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      // The scale of the block, which stands first in these types: 2⁻⁴ as F16, or a power of two.
      if self == .mxfp4 { block[0] = 124 } else { (block[0], block[1]) = (0, 0x2C) }
      return block
    }
  }
}

/// Codes in their blocks, and the values that they stand for.
@Suite struct BlockCodeTests {
  @Test func `the types whose codes can be chosen are these`() {
    #expect(
      Set(ElementType.coded) == [
        .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K, .iq4NL, .iq4XS, .mxfp4,
      ])
  }

  @Test(arguments: ElementType.coded)
  func `every rank decodes to its place on the block's grid, and scales stay`(type: ElementType) throws {
    let blocks = try type.randomBlocks(2, seed: 5)
    let count = 2 * type.blockElementCount
    let grid = errata_grid_of(type.blockType)
    let units = withUnsafeBytes(of: grid.units) { Array($0.bindMemory(to: Float.self)) }
    var ranks = [UInt8](repeating: 0, count: count)
    errata_get_ranks(type.blockType, blocks, &ranks, 2)
    var same = blocks
    errata_put_ranks(type.blockType, &same, ranks, 2)
    #expect(same == blocks)
    var steps = [Float](repeating: 0, count: count)
    errata_get_steps(type.blockType, blocks, &steps, 2)
    let base = type.decoded(blocks)
    let scale = base.map(\.magnitude).max() ?? 1
    for shift in 1...3 {
      var others = ranks
      for index in others.indices {
        let span = Int(grid.highest - grid.lowest) + 1
        others[index] = UInt8(Int(grid.lowest) + (Int(ranks[index]) + shift * (index % 5 + 1)) % span)
      }
      var moved = blocks
      errata_put_ranks(type.blockType, &moved, others, 2)
      var found = [UInt8](repeating: 0, count: count)
      errata_get_ranks(type.blockType, moved, &found, 2)
      #expect(found == others)
      let decoded = type.decoded(moved)
      let isRight = (0..<count).allSatisfy { index in
        let wanted = base[index] + steps[index] * (units[Int(others[index])] - units[Int(ranks[index])])
        return abs(decoded[index] - wanted) <= 1e-5 * scale
      }
      #expect(isRight, "shift \(shift)")
      errata_put_ranks(type.blockType, &moved, ranks, 2)
      // −0 of E2M1 comes back as +0, which has the same rank.
      #expect(type == .mxfp4 || moved == blocks)
    }
  }
}

/// Rounding by the objective: its laws, and a plain judge.
@Suite struct AwareRoundingTests {
  /// A weight with keys that resemble each other, and an update that stores something under one of them.
  struct Problem {
    let tensor: TensorInfo
    let bytes: [UInt8]
    let update: LowRankFactors
    let key: Matrix<Float>
    /// The diagonal of the second moment.
    let moment: [Float]

    init(_ type: ElementType, rows: Int, relativeNorm: Double, seed: UInt64 = 3) throws {
      let columns = max(64, type.blockElementCount)
      var generator = SplitMix64(state: seed)
      bytes = try type.randomBlocks(rows * columns / type.blockElementCount, seed: seed)
      tensor = TensorInfo(
        name: "w", elementType: type, shape: [rows, columns], byteRange: 0..<bytes.count)
      let mixing = Matrix(rows: 8, columns: columns, elements: generator.normals(8 * columns))
      let samples = Matrix(rows: 200, columns: 8, elements: generator.normals(1600)).times(mixing)
      var moment = samples.times(samples, transposed: true)
      moment.scale(by: 1 / 200)
      for index in 0..<columns { moment[index, index] += 1 }
      var key = Matrix(rows: 1, columns: 8, elements: generator.normals(8)).times(mixing)
      for index in 0..<columns { key[0, index] += generator.normals(1)[0] }
      var direction = key
      try Cholesky(factoring: moment).solve(&direction, vectors: .rows)
      let energy = direction.elements.dot(key.elements)
      moment.scale(by: energy / 19)
      var left = Matrix(rows: rows, columns: 1, elements: generator.normals(rows))
      let unscaled = LowRankFactors(left: left, right: direction).frobeniusNorm
      let norm = type.decoded(bytes).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      left.scale(by: relativeNorm * norm / unscaled)
      update = LowRankFactors(left: left, right: direction)
      self.key = Matrix(key)
      self.moment = moment.diagonal.map(Float.init)
    }

    func rounded(
      threads: Int = 1, rounds: Int = AwareRounding.roundLimit, keys: Matrix<Float>? = nil,
      together: Bool = false
    ) throws -> AwareRounding.Result {
      try AwareRounding(.factors(update), of: tensor, bytes: bytes, threads: threads)
        .round(
          keeping: RoundingObjective(diagonal: moment, keys: keys ?? key), rounds: rounds, together: together)
    }

    /// What a tensor's numbers moved by.
    func moved(_ result: [UInt8]) -> Matrix<Double> {
      let (before, after) = (tensor.elementType.decoded(bytes), tensor.elementType.decoded(result))
      return Matrix(
        rows: tensor.shape[0], columns: tensor.shape[1],
        elements: zip(after, before).map { Double($0) - Double($1) })
    }

    /// J of each row, in Double, by its definition.
    func objectives(_ result: [UInt8], _ hessian: Matrix<Double>) -> [Double] {
      var error = moved(result)
      error.subtract(update.product())
      let product = error.times(hessian)
      return (0..<error.rows).map { Array(error.row($0)).dot(Array(product.row($0))) }
    }

    /// H with keys of weight 1, as the matrix that the descent never makes.
    func hessian(_ keys: Matrix<Float>) -> Matrix<Double> {
      let wide = Matrix<Double>(keys)
      var hessian = wide.times(wide, transposed: true)
      for (index, value) in moment.enumerated() { hessian[index, index] += Double(value) }
      return hessian
    }

    /// The plain descent, each row by itself: of all steps in all columns the best, by H itself.
    func plainlyRounded(_ keys: Matrix<Float>) -> [UInt8] {
      let (rows, columns, type) = (tensor.shape[0], tensor.shape[1], tensor.elementType)
      let (hessian, update, blocks) = (hessian(keys), update.product(), bytes.count / type.blockByteCount)
      let grid = errata_grid_of(type.blockType)
      let units = withUnsafeBytes(of: grid.units) { $0.bindMemory(to: Float.self).map(Double.init) }
      var ranks = [UInt8](repeating: 0, count: rows * columns)
      errata_get_ranks(type.blockType, bytes, &ranks, blocks)
      var steps = [Float](repeating: 0, count: rows * columns)
      errata_get_steps(type.blockType, bytes, &steps, blocks)
      for row in 0..<rows {
        var error = update.row(row).map { -$0 }
        var touched: Set<Int> = []
        var gradient = (0..<columns).map { Array(hessian.row($0)).dot(error) }
        let start = error.dot(gradient)
        while true {
          var best = (gain: Double(AwareRounding.leastGain) * start, at: -1, to: UInt8(0), by: 0.0)
          for column in 0..<columns {
            let (at, rank) = (row * columns + column, Int(ranks[row * columns + column]))
            for next in [rank + 1, rank - 1] where (Int(grid.lowest)...Int(grid.highest)).contains(next) {
              let by = Double(steps[at]) * (units[next] - units[rank])
              let isFree = touched.contains(column / type.blockElementCount)
              let gain =
                -by * (2 * gradient[column] + by * hessian[column, column])
                - (isFree ? 0 : Double(AwareRounding.blockPrice) * start)
              if gain > best.gain { best = (gain, column, UInt8(next), by) }
            }
          }
          guard best.at >= 0 else { break }
          ranks[row * columns + best.at] = best.to
          touched.insert(best.at / type.blockElementCount)
          error[best.at] += best.by
          for column in 0..<columns { gradient[column] += best.by * hessian[best.at, column] }
        }
      }
      var result = bytes
      errata_put_ranks(type.blockType, &result, ranks, blocks)
      return result
    }

    /// ⟨Δ̂k, Δk⟩ / ⟨Δk, Δk⟩.
    func retention(_ result: [UInt8]) -> Double {
      let wide = Matrix<Double>(key)
      let got = moved(result).times(wide, otherTransposed: true).elements
      let wanted = update.product().times(wide, otherTransposed: true).elements
      return got.dot(wanted) / wanted.dot(wanted)
    }
  }

  @Test(arguments: ElementType.coded)
  func `the edit stays at its key, where the nearest codes lose it`(type: ElementType) throws {
    let coarse: Set<ElementType> = [.q2K, .q3K]
    let problem = try Problem(
      type, rows: 3, relativeNorm: type == .q8_0 ? 0.002 : coarse.contains(type) ? 0.04 : 0.01)
    let result = try problem.rounded()
    let retention = problem.retention(result.bytes)
    #expect(abs(retention - result.retentions[0]) < 1e-3)
    #expect(retention > 0.9, "\(retention)")
    #expect(result.changedCount > 0)
    // By the update's own objective no row is worse off than with the base's codes.
    let first = try problem.rounded(rounds: 1)
    #expect(first.remaining < 1)
    let hessian = problem.hessian(problem.key)
    for (after, before) in zip(
      problem.objectives(first.bytes, hessian), problem.objectives(problem.bytes, hessian))
    {
      #expect(after <= before)
    }
    guard type.isEncodable else { return }
    let nearest = zip(type.decoded(problem.bytes), problem.update.product().elements).map { $0 + Float($1) }
    #expect(problem.retention(try type.encoded(nearest)) < 0.8)
  }

  @Test(arguments: [ElementType.q4_0, .q8_0, .q6K, .mxfp4], [1, 3])
  func `it comes as far down as the plain descent by H itself`(type: ElementType, keyCount: Int) throws {
    let problem = try Problem(type, rows: 4, relativeNorm: type == .q8_0 ? 0.003 : 0.02)
    var generator = SplitMix64(state: 9)
    let width = problem.tensor.shape[1]
    // Further keys that want what the update says at them.
    let others = generator.normals((keyCount - 1) * width).map(Float.init)
    let keys = Matrix(rows: keyCount, columns: width, elements: problem.key.elements + others)
    let hessian = problem.hessian(keys)
    func objective(_ bytes: [UInt8]) -> Double { problem.objectives(bytes, hessian).reduce(0, +) }
    let found = objective(try problem.rounded(rounds: 1, keys: keys).bytes)
    let (judge, base) = (objective(problem.plainlyRounded(keys)), objective(problem.bytes))
    #expect(judge < 0.97 * base && abs(found - judge) < 0.005 * base, "\(found) \(judge) of \(base)")
  }

  @Test func `no single step would lower the objective further`() throws {
    let problem = try Problem(.q4_0, rows: 2, relativeNorm: 0.02)
    // One round, so that H is what it was in the beginning.
    let result = try problem.rounded(rounds: 1)
    let hessian = problem.hessian(problem.key)
    let after = problem.objectives(result.bytes, hessian)
    let before = problem.objectives(problem.bytes, hessian)
    var ranks = [UInt8](repeating: 0, count: 128)
    errata_get_ranks(errata_block_q4_0, result.bytes, &ranks, 4)
    let limit = Double(AwareRounding.leastGain + AwareRounding.blockPrice) * 1.01
    for index in ranks.indices {
      for step in [-1, 1] {
        let rank = Int(ranks[index]) + step
        guard (0...15).contains(rank) else { continue }
        var others = ranks
        others[index] = UInt8(rank)
        var bytes = result.bytes
        errata_put_ranks(errata_block_q4_0, &bytes, others, 4)
        let row = index / 64
        #expect(after[row] - problem.objectives(bytes, hessian)[row] <= limit * before[row] + 1e-9)
      }
    }
  }

  @Test func `with independent inputs it is each element's best code, as trying all of them says`() throws {
    let problem = try Problem(.q4_0, rows: 1, relativeNorm: 0.3)
    let diagonal = (0..<64).map { Float(1 + $0 % 7) }
    let result = try AwareRounding(
      .factors(problem.update), of: problem.tensor, bytes: problem.bytes, threads: 1
    )
    .round(
      keeping: RoundingObjective(diagonal: diagonal, keys: Matrix(rows: 0, columns: 64)), rounds: 1,
      together: false)
    var wide = Matrix<Double>(rows: 64, columns: 64)
    for index in 0..<64 { wide[index, index] = Double(diagonal[index]) }
    var ranks = [UInt8](repeating: 0, count: 64)
    errata_get_ranks(errata_block_q4_0, problem.bytes, &ranks, 2)
    var best = ranks
    for index in 0..<64 {
      var least = Double.infinity
      for rank in UInt8(0)...15 {
        var (others, bytes) = (ranks, problem.bytes)
        others[index] = rank
        errata_put_ranks(errata_block_q4_0, &bytes, others, 2)
        let value = problem.objectives(bytes, wide)[0]
        if value < least { (least, best[index]) = (value, rank) }
      }
    }
    var bytes = problem.bytes
    errata_put_ranks(errata_block_q4_0, &bytes, best, 2)
    let (found, ideal, base) = (
      problem.objectives(result.bytes, wide)[0], problem.objectives(bytes, wide)[0],
      problem.objectives(problem.bytes, wide)[0]
    )
    #expect(ideal < 0.9 * base)
    // Steps that gain next to nothing are not taken.
    #expect(
      found <= ideal + 64 * Double(AwareRounding.leastGain) * base + 2 * Double(AwareRounding.blockPrice)
        * base)
  }

  @Test(arguments: KernelLevelTests.levels)
  func `every instruction set chooses the plain descent's codes`(level: Int32) throws {
    let problem = try Problem(.q6K, rows: 2, relativeNorm: 0.02)
    let plain = try KernelLevelTests().at(0) { try problem.rounded() }
    let fast = try KernelLevelTests().at(level) { try problem.rounded() }
    #expect(plain.bytes == fast.bytes && plain.changedCount > 10)
  }

  @Test func `the number of threads changes nothing`() throws {
    let problem = try Problem(.q4K, rows: 35, relativeNorm: 0.02)
    #expect(try problem.rounded(threads: 1).bytes == problem.rounded(threads: 3).bytes)
  }

  @Test func `a patch carries factors and codes, and leads there and back`() throws {
    let bench = try Workbench()
    let problem = try Problem(.q5K, rows: 5, relativeNorm: 0.03)
    try GGUFWriter.write(
      [NewTensor(name: "w", elementType: .q5K, shape: problem.tensor.shape, elements: problem.bytes)],
      metadata: GGUFPatchTests.fields, to: bench.folder.path("base.gguf"))
    let model = try ModelFile(bench.folder.path("base.gguf"))
    let result = try problem.rounded()
    let writer = try PatchWriter(bench.folder.path("p.errata"))
    try writer.append(
      problem.update, rounded: result.bytes, to: model.tensor("w"), of: model, orientation: .outputMajor,
      options: LowRankOptions())
    let patch = try writer.finish(tool: "test", family: nil, edit: nil)
    let change = try #require(patch.changes[0].lowRank)
    #expect(change.isAware && !change.hasDifference && change.shape.rank == 1)

    let base = try bench.folder.read("base.gguf")
    try bench.run("p.errata", "base.gguf").write(.apply, to: bench.folder.path("edited.gguf"))
    #expect(try same(bench.bytes(of: "w", in: "edited.gguf"), result.bytes))
    #expect(try bench.folder.read("edited.gguf").count == base.count)
    try bench.run("p.errata", "edited.gguf").changeInPlace(.revert)
    #expect(try same(bench.folder.read("edited.gguf"), base))
  }
}
