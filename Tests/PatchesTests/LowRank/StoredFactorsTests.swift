import LinearAlgebra
import TestSupport
import Testing

@testable import Patches

@Suite struct StoredFactorsTests {
  /// Half a unit of F16's eleven significant bits.
  static let f16Error = 0x1p-11

  func factors(_ left: [Double], _ right: [Double]) -> LowRankFactors {
    LowRankFactors(
      left: Matrix(rows: left.count, columns: 1, elements: left),
      right: Matrix(rows: 1, columns: right.count, elements: right))
  }

  /// The products that the stored factors stand for.
  func products(_ stored: StoredFactors) -> [[Double]] {
    stored.left.map { l in stored.right.map { Double(l) * Double($0 * stored.scales[0]) } }
  }

  @Test func `by hand`() throws {
    let stored = try #require(try StoredFactors(factors([2, 1], [0.5, 0.375]), type: .f16, tensor: "w"))
    #expect(stored.left == [8192, 4096])
    #expect(stored.right == [8192, 6144])
    #expect(stored.scales == [0x1p-26])
    #expect(products(stored) == [[1, 0.75], [0.5, 0.375]])
    let wide = try #require(try StoredFactors(factors([2, 1], [0.5, 0.375]), type: .f32, tensor: "w"))
    #expect(wide.left == [2, 1] && wide.right == [0.5, 0.375] && wide.scales == [1])
  }

  @Test(arguments: [1, 1e-30, 1e30, 1e-12, 3e12])
  func `factors of F16 are off by at most half a unit, whatever their size`(size: Double) throws {
    var generator = SplitMix64(state: 11)
    let left = generator.normals(50).map { $0 * size }
    let right = generator.normals(40).map { $0 / size * 0.01 }
    let stored = try #require(try StoredFactors(factors(left, right), type: .f16, tensor: "w"))
    // Scaled by powers of two, so the ratio of two factors of one side is kept but for the rounding of both.
    let leftScale = left[0] / Double(stored.left[0])
    let unit = Double(sign: .plus, exponent: Int((leftScale * (1 + 0x1p-12)).exponent), significand: 1)
    let candidates = [unit / 2, unit, unit * 2]
    let scale = try #require(
      candidates.min { abs($0 / leftScale - 1) < abs($1 / leftScale - 1) })
    for (value, kept) in zip(left, stored.left) {
      #expect(abs(Double(kept) * scale - value) <= abs(value) * Self.f16Error)
    }
    for (row, value) in zip(products(stored), left) {
      for (product, other) in zip(row, right) {
        #expect(abs(product - value * other) <= abs(value * other) * (2 * Self.f16Error + 0x1p-22))
      }
    }
    #expect(stored.left.map(abs).max()! >= 0x1p13 && stored.left.map(abs).max()! <= 0x1p14)
    #expect(stored.scales[0].significand == 1)
  }

  @Test func `scaling by a power of two changes no stored bit`() throws {
    var generator = SplitMix64(state: 12)
    let left = generator.normals(9)
    let right = generator.normals(7)
    let one = try #require(try StoredFactors(factors(left, right), type: .f16, tensor: "w"))
    let other = try #require(
      try StoredFactors(
        factors(left.map { $0 * 0x1p-40 }, right.map { $0 * 0x1p11 }), type: .f16, tensor: "w"))
    #expect(other.left == one.left && other.right == one.right)
    #expect(other.scales[0] == one.scales[0] * 0x1p-29)
  }

  @Test func `a component of zeros is kept as zeros`() throws {
    for type in [TensorChange.FactorType.f16, .f32] {
      let stored = try #require(try StoredFactors(factors([0, 0], [0, 1, 2]), type: type, tensor: "w"))
      #expect(stored.left == [0, 0])
      #expect(products(stored).allSatisfy { $0.allSatisfy { $0 == 0 } })
      let both = try #require(try StoredFactors(factors([0, -0.0], [0]), type: type, tensor: "w"))
      #expect(both.left == [0, 0] && both.right == [0])
    }
  }

  @Test func `an update below all floats becomes zero, one above them is refused`() throws {
    for size in [1e-60, 1e-160, 0x1p-1030, 0x1p-1074] {
      let tiny = try #require(
        try StoredFactors(factors([size, 0], [size, 1e-20]), type: .f16, tensor: "w"), "\(size)")
      #expect(products(tiny).allSatisfy { $0.allSatisfy { Float($0) == 0 } })
    }
    #expect((try? StoredFactors(factors([1e200], [1e200]), type: .f16, tensor: "w")) == nil)
    #expect((try? StoredFactors(factors([1e39], [1]), type: .f32, tensor: "w")) == nil)
    // One side may be far above Float's range when the other makes up for it.
    let balanced = try #require(try StoredFactors(factors([0x1p500], [0x1p-503]), type: .f16, tensor: "w"))
    #expect(products(balanced) == [[0.125]])
  }

  @Test(arguments: [Double.infinity, -.infinity, .nan])
  func `what is not finite is refused on either side`(value: Double) {
    for type in [TensorChange.FactorType.f16, .f32] {
      #expect((try? StoredFactors(factors([1, value], [1]), type: type, tensor: "w")) == nil)
      #expect((try? StoredFactors(factors([1], [value, 1]), type: type, tensor: "w")) == nil)
    }
  }

  @Test func `stored bytes are little-endian numbers of their type`() {
    #expect(StoredFactors.bytes([1, -2], .f16) == [0x00, 0x3C, 0x00, 0xC0])
    #expect(StoredFactors.bytes([1, -2], .f32) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
  }
}
