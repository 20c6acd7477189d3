import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Every family's tiny model lies there in both containers; the GGUF files were written by another program.
@Suite struct PortFamilyTests {
  static let families = [
    "gpt2", "gpt_neox", "llama2", "llama3", "qwen2", "qwen3", "gemma3", "olmo2", "granite", "phi3",
    "falcon-grouped",
  ]
  static func path(_ name: String) -> String { PackageFiles.path("Fixtures/models/families/\(name)") }

  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A large change of every matrix of a model.
  private func patch(_ model: ModelFile, seed: UInt64, to name: String) throws -> PatchFile {
    let family = try #require(model.modelType.flatMap(ModelFamily.named))
    let writer = try PatchWriter(bench.folder.path(name))
    let tensors = model.tensors.filter { $0.shape.count == 2 }.sorted {
      $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    for (index, tensor) in tensors.enumerated() {
      let isInputMajor = family.storesInputMajor(tensor.name)
      let edit = TestEdit(tensor: tensor.name, rank: 2, scale: 0.5, seed: seed + UInt64(index))
      try writer.append(
        edit.factors(
          outputWidth: tensor.shape[isInputMajor ? 1 : 0], inputWidth: tensor.shape[isInputMajor ? 0 : 1]),
        to: tensor, of: model, orientation: isInputMajor ? .inputMajor : .outputMajor,
        options: LowRankOptions())
    }
    return try writer.finish(tool: "errata test", family: family.name, edit: nil)
  }

  @Test(arguments: families)
  func `what is ported is what was meant, there and back`(name: String) throws {
    let (folder, gguf) = (Self.path(name), Self.path(name + ".gguf"))
    for (source, target, ending) in [(folder, gguf, ".gguf"), (gguf, folder, "")] {
      let first = try patch(ModelFile(source), seed: 1, to: "first\(ending)")
      let sourceEnding = ending.isEmpty ? ".gguf" : ""
      try PatchRun(first, ModelFile(source), threads: 2).write(
        .apply, to: bench.folder.path("edited" + sourceEnding))
      let model = try ModelFile(target)
      let plan = try PortPlan(first, model, promotion: .f16, threads: 2)
      #expect(plan.tensors.count > 12 && plan.tensors.allSatisfy { $0.correlation > 0.9999 })
      let (undo, measures) = try plan.writeUndo(to: bench.folder.path("undo" + ending), tool: "errata test")
      #expect(measures.allSatisfy { abs($0.retention - 1) < 1e-3 && $0.relativeError < 0.1 })
      let ported = "ported" + ending
      try PatchRun(undo, model, threads: 2).write(.apply, to: bench.folder.path(ported))

      // A sample of the edited source fits the ported target only if every row of every change is in its place.
      let second = try patch(
        ModelFile(bench.folder.path("edited" + sourceEnding)), seed: 100, to: "second\(ending)")
      let check = try PortPlan(second, ModelFile(bench.folder.path(ported)), promotion: .f16, threads: 2)
      #expect(check.tensors.allSatisfy { $0.correlation > 0.9999 })

      // And what undoes it gives back the bytes.
      let back = bench.folder.path("back" + ending)
      try PatchRun(undo, ModelFile(bench.folder.path(ported)), threads: 2).write(.revert, to: back)
      #expect(try ModelComparison(model, ModelFile(back), threads: 2).isEmpty)
      for made in ["edited" + sourceEnding, ported, "back" + ending] {
        Folder.remove(bench.folder.path(made))
      }
    }
  }

  @Test func `a difference found in the files is ported too`() throws {
    // Such a patch calls GPT-2's transposed matrices output-major; the family knows better.
    let models = PackageFiles.path("Fixtures/models")
    let model = try ModelFile(models + "/tiny-gpt2")
    let name = "transformer.h.1.mlp.c_proj.weight"
    let made = try bench.patch(
      [TestEdit(tensor: name, orientation: .inputMajor, scale: 0.5)], of: model, to: "made.errata")
    try PatchRun(made, model, threads: 1).write(.apply, to: bench.folder.path("edited"))
    let comparison = try ModelComparison(model, ModelFile(bench.folder.path("edited")), threads: 1)
    let found = try comparison.write(
      to: bench.folder.path("found.errata"), tool: "errata test", threads: 1, effort: 2)
    #expect(
      found.changes.map(\.label) == ["low-rank"]
        && found.changes[0].lowRank?.shape.orientation == .outputMajor)

    let target = try ModelFile(models + "/tiny-gpt2-f16.gguf")
    let ported = try [found, made].map { try PortPlan($0, target, promotion: .f16, threads: 1).tensors[0] }
    #expect(ported.allSatisfy { $0.correlation > 0.9999 && $0.orientation == .outputMajor })
    let (a, b) = (ported[0].update.product(), ported[1].update.product())
    let error = zip(a.elements, b.elements).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(error.squareRoot() < 0.01 * b.frobeniusNorm)
  }

  @Test func `rows of heads go to their places`() throws {
    // Two heads of four rows: halves (0, 1) and (2, 3) of each become pairs.
    #expect(
      ModelFamily.RowOrder.rotaryPairs.safetensorsRows(count: 8, heads: 2) == [0, 2, 1, 3, 4, 6, 5, 7])
    // Two heads of two rows each of query, key, value.
    #expect(
      ModelFamily.RowOrder.byKind.safetensorsRows(count: 12, heads: 2) == [
        0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11,
      ])
    #expect(ModelFamily.RowOrder.rotaryPairs.safetensorsRows(count: 6, heads: 2) == nil)
    #expect(ModelFamily.RowOrder.byKind.safetensorsRows(count: 8, heads: 2) == nil)
    // Four heads on two key heads, a row each: query, query, key, value, twice.
    #expect(
      ModelFamily.RowOrder.byKind.safetensorsRows(count: 8, heads: 4, keyValueHeads: 2) == [
        0, 1, 4, 5, 2, 6, 3, 7,
      ])
    #expect(ModelFamily.RowOrder.byKind.safetensorsRows(count: 8, heads: 4, keyValueHeads: 3) == nil)
    #expect(
      try AttentionHeads(of: ModelFile(Self.path("falcon"))) == AttentionHeads(query: 4, keyValue: 1))
    for order in [ModelFamily.RowOrder.rotaryPairs, .byKind] {
      #expect(order.safetensorsRows(count: 6, heads: 0) == nil)
      #expect(order.safetensorsRows(count: 6, heads: .max) == nil)
    }
    #expect(
      try AttentionHeads(of: ModelFile(Self.path("llama3"))) == AttentionHeads(query: 4, keyValue: 2))
    #expect(
      try AttentionHeads(of: ModelFile(Self.path("llama3.gguf"))) == AttentionHeads(query: 4, keyValue: 2))
    #expect(
      try AttentionHeads(of: ModelFile(Self.path("gpt_neox"))) == AttentionHeads(query: 2, keyValue: 2))
  }
}
