import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Tensors that get or lose rows at their end.
@Suite struct ResizedTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A pair of models in which `w` has other rows, and where asked for other numbers in the rows that stay.
  func pair(
    _ type: ElementType, _ shape: [Int], adding rows: Int, changing: Bool, isShrinking: Bool = false
  ) throws -> ModelPair {
    let longer = try TestTensor.random("w", type, [shape[0] + rows] + shape.dropFirst())
    let length = longer.bytes.count / longer.shape[0] * shape[0]
    let start = TestTensor("w", type, shape, bytes: Array(longer.bytes[..<length]))
    let shorter = changing ? start.changed(oneIn: 50) : start
    let other = TestTensor("v", .f32, [3, 3])
    try bench.write([isShrinking ? longer : shorter, other], to: "base.safetensors")
    try bench.write([isShrinking ? shorter : longer, other], to: "edited.safetensors")
    return ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
  }

  @Test(arguments: [ElementType.f64, .f32, .bf16, .f16, .u8, .i64, .f8E4M3], [true, false])
  func `rows come and go, and the others change or stay`(type: ElementType, isShrinking: Bool) throws {
    for (shape, rows) in [([6, 5], 2), ([1], 1), ([4, 3, 2], 40), ([1, 7], 1)] {
      for changing in [false, true] {
        let patch = try pair(type, shape, adding: rows, changing: changing, isShrinking: isShrinking)
          .check(changesLayout: true)
        #expect(patch.changes.map(\.label) == ["resized"])
      }
    }
  }

  @Test func `rows that are new cost themselves, not the matrix`() throws {
    // Three tiles, of which the last is cut by the end of the common rows.
    let patch = try pair(.bf16, [1300, 1000], adding: 3, changing: false).check(changesLayout: true)
    #expect(patch.storedByteCount(of: patch.changes[0]) < 3 * 2000 + 100)
    let changed = try pair(.bf16, [1300, 1000], adding: 3, changing: true).check(changesLayout: true)
    #expect(changed.storedByteCount(of: changed.changes[0]) < 2 * 1300 * 1000 / 2)
    guard case .resized(let own) = changed.changes[0].kind else { Issue.record("not resized"); return }
    #expect(own.blocks.differences.count == 3 && own.otherRows == 3 && own.isLonger)
  }

  @Test func `rows of blocks`() throws {
    let folder = bench.folder
    for (name, rows) in [("base.gguf", 5), ("edited.gguf", 7)] {
      let tensor = try TestTensor.random("token_embd.weight", .q8_0, [rows, 64])
      try GGUFWriter.write(
        [tensor.new], metadata: [GGUFField("general.architecture", .string("llama"))], to: folder.path(name))
    }
    let patch = try ModelPair(bench: bench, base: "base.gguf", edited: "edited.gguf").check(
      changesLayout: true)
    #expect(patch.changes.map(\.label) == ["resized"])
  }

  @Test func `another type, width or number of extents is no resizing`() {
    func row(_ type: ElementType, _ before: [Int], _ after: [Int], _ other: ElementType? = nil) -> Int? {
      ResizedChange.rowByteCount(
        TensorForm(elementType: type, shape: before), TensorForm(elementType: other ?? type, shape: after))
    }
    #expect(row(.bf16, [4, 3], [5, 3]) == 6)
    #expect(row(.bf16, [4, 3], [5, 3], .f16) == nil)
    #expect(row(.bf16, [4, 3], [4, 3]) == nil)
    #expect(row(.bf16, [4, 3], [5, 4]) == nil)
    #expect(row(.bf16, [4, 3], [5]) == nil && row(.bf16, [], []) == nil)
    #expect(row(.bf16, [0, 3], [5, 3]) == nil && row(.bf16, [4, 0], [5, 0]) == nil)
    // A row of three halves of a byte, and one block that is the whole row.
    #expect(row(.f4, [4, 3], [8, 3]) == nil && row(.f4, [4, 2], [8, 2]) == 1)
    #expect(row(.q8_0, [32], [64]) == nil)
  }
}
