import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Tensors whose runs get or lose something at their ends.
@Suite struct ExtendedTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A pair of models in which `w` has other runs.
  func pair(
    _ type: ElementType, _ before: [Int], _ after: [Int], runs: Int, isShrinking: Bool = false,
    changing: Bool = false
  ) throws -> ModelPair {
    let longer = try TestTensor.random("w", type, after)
    let (short, long) = (try type.byteCount(shape: before) / runs, longer.bytes.count / runs)
    var bytes = (0..<runs).flatMap { longer.bytes[$0 * long..<$0 * long + short] }
    if changing { bytes[bytes.count - 1] ^= 1 }
    let shorter = TestTensor("w", type, before, bytes: bytes)
    let other = TestTensor("v", .f32, [3, 3])
    try bench.write([isShrinking ? longer : shorter, other], to: "base.safetensors")
    try bench.write([isShrinking ? shorter : longer, other], to: "edited.safetensors")
    return ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
  }

  @Test(arguments: [ElementType.f64, .f32, .bf16, .u8, .f8E4M3], [true, false])
  func `columns come and go`(type: ElementType, isShrinking: Bool) throws {
    for (before, after, runs) in [
      ([6, 5], [6, 8], 6), ([1, 1], [1, 2], 1), ([4, 3, 2], [4, 9, 2], 4), ([2, 3, 4], [2, 3, 5], 6),
      ([6, 3], [10, 3], 2),
    ] {
      let patch = try pair(type, before, after, runs: runs, isShrinking: isShrinking).check(
        changesLayout: true)
      #expect(patch.changes.map(\.label) == ["extended"], "\(before) \(after)")
    }
  }

  @Test func `what is new costs itself, and one changed bit makes it a replacement`() throws {
    let patch = try pair(.bf16, [1300, 1000], [1300, 1003], runs: 1300).check(changesLayout: true)
    #expect(patch.storedByteCount(of: patch.changes[0]) < 3 * 1300 * 2 + 200)
    guard case .extended(let own) = patch.changes[0].kind else { Issue.record("not extended"); return }
    #expect(own.axis == 1 && own.otherExtent == 3 && own.isLonger && own.runs == 1300)
    let changed = try pair(.bf16, [13, 10], [13, 12], runs: 13, changing: true).check(changesLayout: true)
    #expect(changed.changes.map(\.label) == ["replaced"])
  }

  @Test func `columns of blocks`() throws {
    let longer = try TestTensor.random("blk.0.ffn_down.weight", .q8_0, [5, 96])
    let bytes = (0..<5).flatMap { longer.bytes[$0 * 102..<$0 * 102 + 68] }
    let shorter = TestTensor("blk.0.ffn_down.weight", .q8_0, [5, 64], bytes: bytes)
    for (name, tensor) in [("base.gguf", shorter), ("edited.gguf", longer)] {
      try GGUFWriter.write(
        [tensor.new], metadata: [GGUFField("general.architecture", .string("llama"))],
        to: bench.folder.path(name))
    }
    let patch = try ModelPair(bench: bench, base: "base.gguf", edited: "edited.gguf").check(
      changesLayout: true)
    #expect(patch.changes.map(\.label) == ["extended"])
  }

  @Test(arguments: [(1, 3, 4), (5, 7, 2), (3, 1 << 20, 9), (2, 5, 3 << 20), (1, 1 << 21, 1)])
  func `pieces hold every byte once, in order`(runs: Int, common: Int, end: Int) {
    var (short, long, ends) = (0, 0, 0)
    for piece in RunPieces(runs: runs, common: common, end: end) {
      #expect(piece.inShorter == short && piece.inLonger == long && piece.longCount <= 1 << 20)
      var (inShort, inLong) = (0, 0)
      for part in piece.parts {
        #expect(part.short == inShort && part.long == inLong)
        inShort += part.commonCount
        inLong += part.commonCount + part.endCount
      }
      (short, long, ends) = (short + inShort, long + inLong, ends + piece.endCount)
    }
    #expect(short == runs * common && long == runs * (common + end) && ends == runs * end)
  }

  @Test func `runs are whole blocks of both sides`() {
    func fits(_ runs: Int, _ before: [Int], _ after: [Int], _ type: ElementType = .f32) -> Bool {
      ExtendedChange.fits(
        runs, TensorForm(elementType: type, shape: before), TensorForm(elementType: type, shape: after))
    }
    #expect(fits(4, [4, 3], [4, 5]) && fits(2, [4, 3], [6, 3]) && fits(1, [4, 3], [5, 3]))
    #expect(!fits(2, [4, 3], [4, 5]) && !fits(8, [4, 3], [4, 5]) && !fits(2, [4, 3], [5, 3]))
    #expect(!fits(4, [4, 3], [4, 3]) && !fits(4, [4, 3], [5, 4]) && !fits(4, [4], [4, 5]))
    #expect(!fits(0, [4, 3], [4, 5]) && !fits(4, [4, 0], [4, 5]))
    #expect(fits(4, [4, 64], [4, 96], .q8_0) && !fits(8, [4, 64], [4, 128], .q4K))
    #expect(fits(4, [4, 2], [4, 4], .f4) && !fits(8, [4, 2], [4, 4], .f4))
  }
}
