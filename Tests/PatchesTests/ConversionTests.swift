import Kernels
import ModelFiles
import Testing

/// Numbers of 16 bits to float and back, against Swift's own Float16 and against plain integer rounding.
@Suite struct ConversionTests {
  /// The numbers as floats.
  func floats(_ type: errata_type, _ bits: [UInt16]) -> [Float] {
    var floats = [Float](repeating: 0, count: bits.count)
    errata_to_float(type, bits, &floats, bits.count)
    return floats
  }

  /// Rounds to 16 bits: −0 + x is x, −0 and +0 included.
  func rounded(_ type: errata_type, _ numbers: [Float]) -> [UInt16] {
    let zeros = [UInt16](repeating: 0x8000, count: numbers.count)
    var bits = zeros
    errata_add(type, errata_rounding(), zeros, numbers, &bits, numbers.count, 0)
    return bits
  }

  @Test func `all numbers of 16 bits are read as they are`() {
    let all = (0...UInt16.max).map { $0 }
    let f16 = floats(errata_f16, all)
    let bf16 = floats(errata_bf16, all)
    for bits in all {
      let expected = Float(Float16(bitPattern: bits))
      let found = f16[Int(bits)]
      #expect(expected.isNaN ? found.isNaN : found.bitPattern == expected.bitPattern, "F16 \(bits)")
      #expect(bf16[Int(bits)].bitPattern == UInt32(bits) << 16, "BF16 \(bits)")
    }
  }

  @Test func `a number of 16 bits comes back as it was`() {
    let finite = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
    #expect(rounded(errata_f16, floats(errata_f16, finite)) == finite)
    let finiteBF16 = (0...UInt16.max).filter { $0 & 0x7F80 != 0x7F80 }
    #expect(rounded(errata_bf16, floats(errata_bf16, finiteBF16)) == finiteBF16)
  }

  @Test func `every 4099th float is rounded to the nearest number of 16 bits`() {
    let numbers = stride(from: UInt32(0), to: .max, by: 4099).map(Float.init(bitPattern:)).filter {
      !$0.isNaN
    }
    let f16 = rounded(errata_f16, numbers)
    let bf16 = rounded(errata_bf16, numbers)
    var wrong = 0
    for (index, number) in numbers.enumerated() {
      if f16[index] != Float16(number).bitPattern || bf16[index] != Plain.bf16(number) { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test func `floats beside every tie and every end are rounded to the nearest`() {
    // Both neighbors of each half-way point: where a wrong rounding would show.
    for (type, significand, last) in [(errata_f16, 10, UInt16(0x7C00)), (errata_bf16, 7, 0x7F80)] {
      let all = floats(type, Array(0..<last))
      let numbers = zip(all, all.dropFirst()).flatMap { low, high in
        let middle = low + (high - low) / 2
        return [middle.nextDown, middle, middle.nextUp].flatMap { [$0, -$0] }
      }
      let expected = numbers.map { significand == 10 ? Float16($0).bitPattern : Plain.bf16($0) }
      #expect(rounded(type, numbers) == expected)
    }
    #expect(rounded(errata_f16, [65519.996, 65520, -65520, .infinity]) == [0x7BFF, 0x7C00, 0xFC00, 0x7C00])
  }

  @Test(arguments: ElementType.editable)
  func `what is not finite keeps its bits, whatever is added`(type: ElementType) {
    let format = type.format
    for bits in [
      format.infinity, format.infinity | 1, format.infinity | 1 << UInt64(format.significand - 1),
      format.sign - 1,
    ] {
      for sign in [0, format.sign] {
        for sum in [Float(0), 1, -1e30, .infinity, -.infinity, .nan] {
          #expect(errata_add_one(type.kernelType, errata_rounding(), bits | sign, sum, 0) == bits | sign)
        }
      }
    }
    let sum = errata_add_one(type.kernelType, errata_rounding(), 0, .nan, 0)
    #expect(sum & format.infinity == format.infinity && sum & (1 << UInt64(format.significand) - 1) != 0)
  }
}
