import Kernels
import ModelFiles
import Patches
import TestSupport
import Testing

/// `errata_preimage` gives exactly the numbers that adding leads to an edited one.
@Suite struct PreimageTests {
  static let sums: [Float] = [0, 3e-8, 1, -1, 1000, -1000, 0x1p-133, 65504, -3e38, .infinity, .nan]

  /// f over all 65536 numbers, by ordinal from the lowest on.
  func images(_ type: errata_type, _ rounding: errata_rounding, _ sum: Float, _ index: UInt64) -> [Int64] {
    (-32768...32767).map { ordinal in
      errata_ordinal(type, errata_add_one(type, rounding, errata_bits(type, ordinal), sum, index))
    }
  }

  func check(_ type: errata_type, _ rounding: errata_rounding, _ sum: Float, index: UInt64) {
    let images = images(type, rounding, sum, index)
    var lowest = [Int64?](repeating: nil, count: 65536)
    var highest = lowest
    var isMonotone = true
    for (position, image) in images.enumerated() {
      if position > 0, images[position - 1] > image { isMonotone = false }
      let place = Int(image) + 32768
      if lowest[place] == nil { lowest[place] = Int64(position - 32768) }
      highest[place] = Int64(position - 32768)
    }
    #expect(isMonotone || sum.isNaN, "sum \(sum), index \(index)")
    var wrong: [Int64] = []
    for edited in Int64(-32768)...32767 {
      var low: Int64 = 0
      var high: Int64 = 0
      let exists = errata_preimage(type, rounding, errata_bits(type, edited), sum, index, &low, &high) != 0
      let place = Int(edited) + 32768
      // A sum that is NaN makes NaN of every finite number; only what stays as it is has a way back.
      let expected: (Int64?, Int64?) =
        sum.isNaN
        ? (images[place] == edited ? (edited, edited) : (nil, nil)) : (lowest[place], highest[place])
      if exists ? (low, high) != (expected.0 ?? 1, expected.1 ?? 0) : expected.0 != nil {
        wrong.append(edited)
      }
    }
    #expect(wrong.isEmpty, "sum \(sum), index \(index)")
  }

  @Test(arguments: [ElementType.f16, .bf16], sums)
  func `with nearest rounding it is the set that brute force finds`(type: ElementType, sum: Float) {
    check(type.kernelType, errata_rounding(), sum, index: 0)
  }

  @Test(arguments: [ElementType.f16, .bf16], [Float(3e-8), -1, 65504])
  func `with stochastic rounding it is the set that brute force finds`(type: ElementType, sum: Float) {
    // The draws of these elements under this seed are middling, 6, and 2²⁴ − 2.
    for index in [UInt64(0), 1_259_574, 2_509_307] {
      check(type.kernelType, errata_rounding(is_stochastic: 1, seed: 42), sum, index: index)
    }
  }

  @Test func `ordinals count the numbers in order, and back`() {
    for type in ElementType.editable {
      let width = type.bitCount
      let ends: [UInt64] = [0, 1, type.format.infinity, type.format.sign - 1]
      for bits in ends + ends.map({ $0 | type.format.sign }) + [0x3C00, 0x8001] {
        let ordinal = errata_ordinal(type.kernelType, bits)
        #expect(ordinal == Plain.ordinal(bits, width: width))
        #expect(errata_bits(type.kernelType, ordinal) == bits)
      }
    }
    #expect(errata_ordinal(errata_f32, 0x8000_0000) == -1)
    #expect(errata_ordinal(errata_f64, 0) == 0)
  }

  @Test(arguments: [ElementType.f32, .f64], [Float(0), 1e-30, 0.37, -1000, 3e38, .infinity])
  func `in wide types its ends lead to the edited number and their neighbors do not`(
    type: ElementType, sum: Float
  ) {
    let kernel = type.kernelType
    let tensor = TestTensor("w", type, [500], seed: 3)
    func image(_ ordinal: Int64) -> UInt64 {
      errata_add_one(kernel, errata_rounding(), errata_bits(kernel, ordinal), sum, 0)
    }
    for index in 0..<500 {
      let base = errata_ordinal(kernel, tensor.bits(index))
      let edited = image(base)
      var low: Int64 = 0
      var high: Int64 = 0
      #expect(errata_preimage(kernel, errata_rounding(), edited, sum, 0, &low, &high) != 0)
      #expect(low <= base && base <= high, "element \(index)")
      #expect(image(low) == edited && image(high) == edited, "element \(index)")
      #expect(image(low - 1) != edited && image(high + 1) != edited, "element \(index)")
    }
  }

  @Test func `the last patterns of a type lead to themselves`() {
    for type in ElementType.editable {
      for bits in [type.format.sign - 1, type.format.sign - 1 | type.format.sign] {
        var low: Int64 = 0
        var high: Int64 = 0
        #expect(errata_preimage(type.kernelType, errata_rounding(), bits, 1, 0, &low, &high) != 0)
        #expect(low == high && errata_bits(type.kernelType, low) == bits)
        // The fast form looks one further, past the end of the order.
        var base = [UInt64](repeating: 0, count: 1)
        var mark: UInt8 = 9
        #expect(
          errata_estimate_base(type.kernelType, errata_rounding(), [bits], [Float(1)], &base, &mark, 1, 0)
            == 0)
        #expect(base == [bits] && mark == 0)
      }
    }
  }
}
