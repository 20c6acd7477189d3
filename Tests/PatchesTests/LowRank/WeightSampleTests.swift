import ModelFiles
import TestSupport
import Testing

@testable import Patches

@Suite struct WeightSampleTests {
  @Test func `the drawn places are those of the format`() {
    // SplitMix64 with seed 0 begins with 0xE220A8397B1DCDAF and 0x6E789E6AA1B965F4.
    #expect(WeightSample.position(0, outputWidth: 1 << 20, inputWidth: 1 << 12) == (0x0A839, 0xDAF))
    #expect(WeightSample.position(1, outputWidth: 1 << 20, inputWidth: 1 << 12) == (0x89E6A, 0x5F4))
    #expect(WeightSample.position(1, outputWidth: 3, inputWidth: 5) == (0x6E78_9E6A % 3, 0xA1B9_65F4 % 5))
  }

  @Test(arguments: [TensorChange.Orientation.outputMajor, .inputMajor])
  func `it holds the weights of those places`(orientation: TensorChange.Orientation) throws {
    let bench = try Workbench()
    let weights = (0..<77).map { Float($0) }.withUnsafeBytes(Array.init)
    let model = try bench.write([TestTensor("w", .f32, [7, 11], bytes: weights)], to: "m.safetensors")
    let patch = try bench.patch([TestEdit(tensor: "w", orientation: orientation)], of: model, to: "p.errata")
    let sample = try #require(patch.changes[0].lowRank?.sample)
    let isOutputMajor = orientation == .outputMajor
    for (index, value) in sample.values.enumerated() {
      let (output, input) = WeightSample.position(
        index, outputWidth: isOutputMajor ? 7 : 11, inputWidth: isOutputMajor ? 11 : 7)
      #expect(value == Float(isOutputMajor ? output * 11 + input : input * 11 + output))
    }
    #expect(WeightSample(sample.text) == sample && sample.text.utf8.count == 1024)
    #expect(abs(sample.correlation(with: sample.values.map { 3 * $0 - 1 }) - 1) < 1e-12)
    #expect(abs(sample.correlation(with: sample.values.map { -$0 }) + 1) < 1e-12)
    #expect(sample.correlation(with: [Float](repeating: 1, count: 128)) == 0)
  }

  @Test func `numbers that are none are passed over`() throws {
    var values = (0..<128).map { Float($0) }
    let sample = try #require(WeightSample(String(repeating: "7fc00000", count: 64) + digits(values[64...])))
    #expect(sample == sample)
    values[100] = .infinity
    #expect(abs(sample.correlation(with: values) - 1) < 1e-12)
  }

  private func digits(_ values: ArraySlice<Float>) -> String {
    values.map { value in
      let digits = String(value.bitPattern, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  @Test(arguments: ["", "00", String(repeating: "g", count: 1024), String(repeating: "A", count: 1024)])
  func `other text is no sample`(text: String) { #expect(WeightSample(text) == nil) }
}
