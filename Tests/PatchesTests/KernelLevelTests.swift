import Kernels
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Every instruction set gives the bits of the plain loops. The level is that of the test's own thread.
@Suite struct KernelLevelTests {
  static let levels: [Int32] = [0, 3, 4].filter { $0 <= errata_kernel_best_level() }

  /// Runs at a level and goes back to the best.
  func at<Result>(_ level: Int32, _ body: () throws -> Result) rethrows -> Result {
    errata_kernel_force_level(level)
    defer { errata_kernel_force_level(errata_kernel_best_level()) }
    #expect(errata_kernel_level() == level)
    return try body()
  }

  @Test(arguments: levels, [1, 5, 33])
  func `low-rank sums equal the triple loop for every row count and every tail`(level: Int32, rank: Int) {
    var generator = SplitMix64(state: UInt64(rank))
    let left = generator.normals(19 * rank).map(Float.init)
    let panels = generator.normals(3 * rank * 48).map(Float.init)
    let expected = [Float](unsafeUninitializedCapacity: 19 * 144) { buffer, count in
      errata_low_rank_sums_plain(left, 19, panels, 3, rank, buffer.baseAddress, 144)
      count = 19 * 144
    }
    for (i, j) in [(0, 0), (18, 143), (7, 50)] {
      let column = (0..<rank).map { panels[(j / 48 * rank + $0) * 48 + j % 48] }
      #expect(
        expected[i * 144 + j].bitPattern == Plain.sum(left[i * rank..<(i + 1) * rank], column).bitPattern)
    }
    at(level) {
      for rows in 1...19 {
        for panelCount in 1...3 {
          // A wider stride than needed, filled with a mark: nothing may be written beyond the panels.
          var sums = [Float](repeating: -7, count: rows * 150)
          errata_low_rank_sums(left, rows, panels, panelCount, rank, &sums, 150)
          let isSame = (0..<rows).allSatisfy { row in
            sums[row * 150..<row * 150 + 48 * panelCount].elementsEqual(
              expected[row * 144..<row * 144 + 48 * panelCount], by: { $0.bitPattern == $1.bitPattern })
              && sums[row * 150 + 48 * panelCount..<(row + 1) * 150].allSatisfy { $0 == -7 }
          }
          #expect(isSame, "rows \(rows), panels \(panelCount)")
        }
      }
    }
  }

  @Test(arguments: levels, [1, 5, 33])
  func `the sums of a tensor equal the triple loop for 1 to 139 columns`(level: Int32, rank: Int) throws {
    let rows = 19
    var generator = SplitMix64(state: 7)
    // All widths take the same numbers, so that one triple loop judges them all.
    let left = Matrix(
      rows: rows, columns: rank, elements: generator.normals(rows * rank).map { Double(Float($0)) })
    let right = Matrix(
      rows: rank, columns: 139, elements: generator.normals(rank * 139).map { Double(Float($0)) })
    let expected = (0..<rows).map { i in
      (0..<139).map { j in
        Plain.sum((0..<rank).map { Float(left[i, $0]) }, (0..<rank).map { Float(right[$0, j]) })
      }
    }
    try at(level) {
      for columns in 1...139 {
        let narrow = Matrix(
          rows: rank, columns: columns,
          elements: (0..<rank).flatMap { k in (0..<columns).map { right[k, $0] } })
        let stored = try #require(
          try StoredFactors(LowRankFactors(left: left, right: narrow), type: .f32, tensor: "w"))
        let form = LowRankForm(
          tensor: TensorForm(elementType: .f32, shape: [rows, columns]), orientation: .outputMajor,
          rank: rank, factorType: .f32, rounding: .nearest)
        let sums = LowRankSums(stored, form)
        let scratch = LowRankSums.Scratch()
        // From the middle of a row to the middle of another, and the whole.
        for range in [0..<rows * columns, columns / 2..<rows * columns - columns / 3] {
          var next = range.lowerBound
          var isSame = true
          sums.forEachRun(in: range, scratch) { run, found in
            isSame = isSame && run.lowerBound == next
            next = run.upperBound
            for e in run
            where found[e - run.lowerBound].bitPattern != expected[e / columns][e % columns].bitPattern {
              isSame = false
            }
          }
          #expect(isSame && next == range.upperBound, "columns \(columns), elements \(range)")
        }
      }
    }
  }

  @Test(arguments: ElementType.editable, [TensorChange.Rounding.nearest, .stochastic(seed: 0xC0FFEE)])
  func `adding, estimating and converting give the same bits at every level`(
    type: ElementType, rounding: TensorChange.Rounding
  ) {
    let size = type.bitCount / 8
    let most = 2000
    let tensor = TestTensor("w", type, [most], seed: 5)
    var generator = SplitMix64(state: 6)
    let sums = (0..<most).map { index in
      index % 50 == 0 ? Float.infinity : index % 49 == 0 ? 1e38 : Float(generator.normal() * 0.05)
    }
    // 1 to 67 elements meet every tail of every vector width.
    for count in Array(1...67) + [most] {
      let results = KernelLevelTests.levels.map { level in
        at(level) { () -> [[UInt8]] in
          var edited = [UInt8](repeating: 0, count: count * size)
          var base = edited
          var marks = [UInt8](repeating: 2, count: count)
          var floats = [Float](repeating: 0, count: count)
          errata_add(type.kernelType, rounding.kernel, tensor.bytes, sums, &edited, count, 77)
          let marked = errata_estimate_base(
            type.kernelType, rounding.kernel, edited, sums, &base, &marks, count, 77)
          errata_to_float(type.kernelType, tensor.bytes, &floats, count)
          #expect(marked == marks.count { $0 != 0 })
          return [edited, base, marks, floats.withUnsafeBytes(Array.init)]
        }
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(count) elements")
      guard count == most else { continue }
      // The plain form is the judge of them all, and what is not marked is right.
      let edited = TestTensor("w", type, [most], bytes: results[0][0])
      let base = TestTensor("w", type, [most], bytes: results[0][1])
      let ownRounding = size == 2 ? rounding : .nearest
      let wrong = (0..<most).filter { index in
        edited.bits(index)
          != Plain.add(type, tensor.bits(index), sums[index], ownRounding, at: 77 + UInt64(index))
          || results[0][2][index] == 0 && base.bits(index) != tensor.bits(index)
      }
      #expect(wrong.isEmpty)
    }
  }

  @Test(arguments: ElementType.editable, [0.5, 0.9, 1.1, 3, 1e-30, 1e30])
  func `scaling and its estimate give the same bits at every level`(type: ElementType, factor: Double) {
    let size = type.bitCount / 8
    let most = 2000
    let gain = type == .f64 ? factor : Double(Float(factor))
    let tensor = TestTensor("w", type, [most], seed: 8)
    for count in Array(1...67) + [most] {
      let results = KernelLevelTests.levels.map { level in
        at(level) { () -> [[UInt8]] in
          var edited = [UInt8](repeating: 0, count: count * size)
          var base = edited
          var marks = [UInt8](repeating: 2, count: count)
          errata_scale(type.kernelType, gain, tensor.bytes, &edited, count)
          let marked = errata_estimate_unscaled(type.kernelType, gain, edited, &base, &marks, count)
          #expect(marked == marks.count { $0 != 0 })
          return [edited, base, marks]
        }
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(count) elements")
      guard count == most else { continue }
      let edited = TestTensor("w", type, [most], bytes: results[0][0])
      let base = TestTensor("w", type, [most], bytes: results[0][1])
      let wrong = (0..<most).filter { index in
        edited.bits(index) != Plain.scale(type, tensor.bits(index), gain)
          || results[0][2][index] == 0 && base.bits(index) != tensor.bits(index)
      }
      #expect(wrong.isEmpty)
    }
  }
}
