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

  static let gains: [Double] = [0.5, 0.9, 1, 1.1, 2.5, 1e-3, 1e5, 0x1p-149, 3.4e38].map { Double(Float($0)) }

  @Test(arguments: [ElementType.f16, .bf16], gains)
  func `of a scaled number it is the set that brute force finds`(type: ElementType, gain: Double) {
    let kernel = type.kernelType
    let images = (-32768...32767).map {
      errata_ordinal(kernel, errata_scale_one(kernel, gain, errata_bits(kernel, $0)))
    }
    #expect(zip(images, images.dropFirst()).allSatisfy { $0 <= $1 })
    var candidates: [Int64: (Int64, Int64)] = [:]
    for (position, image) in images.enumerated() {
      let ordinal = Int64(position - 32768)
      candidates[image] = (candidates[image]?.0 ?? ordinal, ordinal)
    }
    let wrong = (Int64(-32768)...32767).filter { edited in
      var (low, high) = (Int64(0), Int64(0))
      let exists = errata_unscaled_preimage(kernel, gain, errata_bits(kernel, edited), &low, &high) != 0
      guard let expected = candidates[edited] else { return exists }
      return !exists || (low, high) != expected
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [ElementType.f32, .f64], gains)
  func `of a wide scaled number its ends lead there and their neighbors do not`(
    type: ElementType, gain: Double
  ) {
    let kernel = type.kernelType
    let tensor = TestTensor("w", type, [500], seed: 4)
    func image(_ ordinal: Int64) -> UInt64 { errata_scale_one(kernel, gain, errata_bits(kernel, ordinal)) }
    for index in 0..<500 {
      let base = errata_ordinal(kernel, tensor.bits(index))
      let edited = image(base)
      var (low, high) = (Int64(0), Int64(0))
      #expect(errata_unscaled_preimage(kernel, gain, edited, &low, &high) != 0)
      #expect(low <= base && base <= high, "element \(index)")
      #expect(image(low) == edited && image(high) == edited, "element \(index)")
      #expect(image(low - 1) != edited && image(high + 1) != edited, "element \(index)")
    }
  }

  /// The settled elements of an estimate, judged by the preimage of each.
  @Test(arguments: ElementType.editable, [TensorChange.Rounding.nearest, .stochastic(seed: 5)])
  func `open elements are those with several candidates`(type: ElementType, rounding: TensorChange.Rounding) {
    let (kernel, size, count) = (type.kernelType, type.bitCount / 8, 3000)
    let tensor = TestTensor("w", type, [count], seed: 12)
    var generator = SplitMix64(state: 13)
    // Sums from far below the weights to far above them: from one candidate to millions.
    let sums = (0..<count).map { index in Float(generator.normal() * [1e-3, 0.05, 1, 300][index % 4]) }
    for gain in [nil, 0.9, 2.5, 0x1p-140] as [Double?] {
      var edited = [UInt8](repeating: 0, count: count * size)
      var base = edited
      var marks = [UInt8](repeating: 0, count: count)
      var open = [errata_open](repeating: errata_open(), count: count)
      var found = 0
      if let gain {
        errata_scale(kernel, Double(Float(gain)), tensor.bytes, &edited, count)
        _ = errata_estimate_unscaled(kernel, Double(Float(gain)), edited, &base, &marks, count)
        found = errata_open_unscaled(kernel, Double(Float(gain)), edited, &base, marks, count, 40, &open)
      } else {
        errata_add(kernel, rounding.kernel, tensor.bytes, sums, &edited, count, 9)
        _ = errata_estimate_base(kernel, rounding.kernel, edited, sums, &base, &marks, count, 9)
        found = errata_open_elements(
          kernel, rounding.kernel, edited, sums, &base, marks, count, 9, 40, &open)
      }
      let result = TestTensor("w", type, [count], bytes: edited)
      let settled = TestTensor("w", type, [count], bytes: base)
      var next = 0
      for index in 0..<count {
        var (low, high) = (Int64(0), Int64(0))
        let bits = result.bits(index)
        let exists =
          gain.map { errata_unscaled_preimage(kernel, Double(Float($0)), bits, &low, &high) }
          ?? errata_preimage(kernel, rounding.kernel, bits, sums[index], 9 + UInt64(index), &low, &high)
        #expect(exists != 0)
        if low == high {
          #expect(settled.bits(index) == tensor.bits(index), "element \(index)")
          continue
        }
        let element = open[next]
        next += 1
        #expect((element.lowest, element.highest, element.position) == (low, high, UInt32(40 + index)))
        #expect((element.is_positive == 1) == (errata_ordinal(kernel, bits) >= 0))
      }
      #expect(found == next && next > 0)
    }
  }

  @Test func `an element without any base is noticed`() {
    // From 1 on, 3w moves by one and a half places of the result: the tie goes to the even one, 0x4201 is passed over.
    let edited: [UInt16] = [0x4200, 0x4201, 0x4202, 0x4203]
    for (index, exists) in [true, false, true, true].enumerated() {
      var base: [UInt16] = [0]
      var mark: UInt8 = 0
      var open = errata_open()
      _ = errata_estimate_unscaled(errata_f16, 3, [edited[index]], &base, &mark, 1)
      let found = errata_open_unscaled(errata_f16, 3, [edited[index]], &base, &mark, 1, 0, &open)
      var (low, high) = (Int64(0), Int64(0))
      #expect((errata_unscaled_preimage(errata_f16, 3, UInt64(edited[index]), &low, &high) != 0) == exists)
      #expect((found >= 0) == exists, "element \(index)")
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
