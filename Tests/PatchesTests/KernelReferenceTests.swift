import Kernels
import ModelFiles
import Patches
import TestSupport
import Testing

/// What numpy makes of the same page, `Fixtures/make/kernels.py`.
@Suite struct KernelReferenceTests {
  let model: ModelFile
  let first: UInt64
  let seed: UInt64

  init() throws {
    let model = try ModelFile(PackageFiles.path("Fixtures/reference/kernels.safetensors"))
    func text(_ key: String) -> String { model.metadata[0].first { $0.key == key }?.value ?? "" }
    self.model = model
    first = try #require(UInt64(text("first")))
    seed = try #require(UInt64(text("seed"), radix: 16))
  }

  func bytes(_ name: String) throws -> [UInt8] {
    let tensor = try model.tensor(name)
    return try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
  }

  func floats(_ name: String) throws -> [Float] {
    try bytes(name).withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  @Test func `low-rank sums equal numpy's`() throws {
    let (rows, rank, columns) = (23, 33, 101)
    let left = try floats("left")
    let right = try floats("right")
    let expected = try floats("sums")
    var panels = [Float](repeating: 0, count: 3 * rank * 48)
    for k in 0..<rank {
      for j in 0..<columns { panels[(j / 48 * rank + k) * 48 + j % 48] = right[k * columns + j] }
    }
    var sums = [Float](repeating: 0, count: rows * 144)
    errata_low_rank_sums(left, rows, panels, 3, rank, &sums, 144)
    let wrong = expected.indices.filter {
      sums[$0 / columns * 144 + $0 % columns].bitPattern != expected[$0].bitPattern
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: ElementType.editable)
  func `added numbers equal numpy's`(type: ElementType) throws {
    let name = type.rawValue.lowercased()
    let base = try bytes(name + ".base")
    let sums = try floats("addend")
    var edited = base
    errata_add(type.kernelType, errata_rounding(), base, sums, &edited, sums.count, first)
    #expect(try edited == bytes(name + ".nearest"))
    guard type.bitCount == 16 else { return }
    errata_add(
      type.kernelType, errata_rounding(is_stochastic: 1, seed: seed), base, sums, &edited, sums.count, first)
    #expect(try edited == bytes(name + ".stochastic"))
  }
}
