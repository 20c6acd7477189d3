import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Porting to tensors of blocks, and every refusal.
@Suite struct PortTests {
  static let name = "model.layers.1.mlp.down_proj.weight"
  static let ggufName = "blk.1.ffn_down.weight"

  let bench: Workbench
  let base: ModelFile

  init() throws {
    bench = try Workbench()
    try Folder.create(bench.folder.path("base"))
    try bench.folder.write(Array(#"{"model_type": "llama"}"#.utf8), to: "base/config.json")
    base = try bench.write(
      [TestTensor(Self.name, .f32, [24, 256], bytes: Self.weights(24 * 256, seed: 7))],
      to: "base/model.safetensors")
  }

  /// Finite weights between −1 and 1, as bytes.
  static func weights(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix64(state: seed)
    let weights = (0..<count).map { _ in
      Float(Double(Int64(bitPattern: generator.next()) >> 11) * 0x1p-52)
    }
    return weights.withUnsafeBytes(Array.init)
  }

  @discardableResult
  private func makePatch(_ name: String = "p.errata", scale: Double = 0.02, family: String? = "llama") throws
    -> PatchFile
  {
    let writer = try PatchWriter(bench.folder.path(name))
    let edit = TestEdit(tensor: Self.name, rank: 2, scale: scale)
    try writer.append(
      edit.factors(outputWidth: 24, inputWidth: 256), to: base.tensor(Self.name), of: base,
      orientation: .outputMajor, options: LowRankOptions())
    return try writer.finish(tool: "errata test", family: family, edit: nil)
  }

  /// The base as a GGUF file, its tensor of this type; other tensors around it.
  private func gguf(
    _ type: ElementType, seed: UInt64 = 7, name: String = "m.gguf", fields: [GGUFField] = []
  ) throws -> ModelFile {
    let floats = Self.weights(24 * 256, seed: seed).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    try GGUFWriter.write(
      [
        TestTensor("blk.0.ffn_down.weight", .f32, [4, 8]).new,
        NewTensor(
          name: Self.ggufName, elementType: type, shape: [24, 256], elements: type.encoded(floats)),
        TestTensor("output_norm.weight", .f32, [4]).new,
      ], metadata: [GGUFField("general.architecture", .string("llama"))] + fields,
      to: bench.folder.path(name))
    return try ModelFile(bench.folder.path(name))
  }

  private func floats(_ model: ModelFile, _ name: String) throws -> [Float] {
    let tensor = try model.tensor(name)
    return tensor.elementType.decoded(
      try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
  }

  @Test(
    arguments: [ElementType.q8_0, .q4_0, .q4K, .q6K, .f16, .bf16, .f32, .f64],
    [Promotion.f16, .bf16, .q8_0, .keep])
  func `it is applied and undone, bit for bit`(type: ElementType, promotion: Promotion) throws {
    let patch = try makePatch(scale: 0.3)
    let model = try gguf(type)
    let before = try bench.folder.read("m.gguf")
    let plan = try PortPlan(patch, model, promotion: promotion, threads: 2)
    let measured = try plan.measure()
    #expect(try bench.names().sorted() == ["base", "m.gguf", "p.errata"])
    let (undo, measures) = try plan.writeUndo(to: bench.folder.path("undo"), tool: "errata test")
    #expect(measures[0].json == measured[0].json && measures[0].retention > 0.5)
    let run = try PatchRun(undo, model, threads: 2)
    try run.write(.apply, to: bench.folder.path("out.gguf"))
    let result = try ModelFile(bench.folder.path("out.gguf"))
    let wanted = promotion.elementType(for: type)
    #expect(try result.tensor(Self.ggufName).elementType == wanted)
    #expect(plan.changesLayout == (wanted != type) && undo.changesLayout == plan.changesLayout)
    for other in ["blk.0.ffn_down.weight", "output_norm.weight"] {
      #expect(try same(bench.bytes(of: other, in: "out.gguf"), bench.bytes(of: other, in: "m.gguf")))
    }

    // Plainly: decode, add the sums in their order, round once.
    let change = try #require(patch.changes[0].lowRank)
    let factors = try StoredFactors(of: change, patch.changes[0].name, in: patch)
    let old = try floats(model, Self.ggufName)
    let sums = (0..<24 * 256).map { element in
      (0..<2).reduce(Float(0)) { sum, k in
        let right = factors.right[k * 256 + element % 256] * factors.scales[k]
        return sum + factors.left[k * 24 + element / 256] * right
      }
    }
    let expected = zip(old, sums).map { $0 + $1 }
    if type != .f64 {
      #expect(try same(bench.bytes(of: Self.ggufName, in: "out.gguf"), wanted.encoded(expected)))
    }

    try PatchRun(undo, result, threads: 2).write(.revert, to: bench.folder.path("back.gguf"))
    #expect(try same(bench.folder.read("back.gguf"), before))
    guard !plan.changesLayout else {
      #expect(throws: PortError.self) { try plan.requireSameLayout() }
      return
    }
    try plan.requireSameLayout()
    try run.changeInPlace(.apply)
    #expect(try same(bench.folder.read("m.gguf"), bench.folder.read("out.gguf")))
  }

  @Test func `a small change drowns in blocks, and is said to`() throws {
    let patch = try makePatch(scale: 0.0005)
    let model = try gguf(.q4K)
    func retention(_ promotion: Promotion) throws -> Double {
      try PortPlan(patch, model, promotion: promotion, threads: 1).measure()[0].retention
    }
    #expect(try retention(.keep) < 0.3)
    #expect(try abs(retention(.f16) - 1) < 0.01)
  }

  private func refused(_ patch: PatchFile, _ model: ModelFile, _ promotion: Promotion = .f16) -> String {
    let error = #expect(throws: (any Error).self) {
      _ = try PortPlan(patch, model, promotion: promotion, threads: 1).writeUndo(
        to: bench.folder.path("undo"), tool: "errata test")
    }
    #expect(!Folder.occupied(bench.folder.path("undo")))
    return error.map(caseName) ?? ""
  }

  @Test func `another model is refused`() throws {
    let patch = try makePatch()
    for type in [ElementType.f32, .q8_0, .q4K] {
      #expect(try refused(patch, gguf(type, seed: 8)) == "otherWeights")
    }
    #expect(try refused(makePatch("q.errata", family: "gpt2"), gguf(.f32)) == "otherFamily")
    #expect(try refused(makePatch("r.errata", family: "rwkv"), gguf(.f32)) == "unknownFamily")
    #expect(try refused(makePatch("q.errata", family: "mistral"), gguf(.f32, seed: 9)) == "otherWeights")
    let other = try bench.write([TestTensor("w", .f32, [24, 256])], to: "base/other.safetensors")
    #expect(refused(patch, other) == "noSuchTensor")
    let wider = try bench.write([TestTensor(Self.name, .f32, [24, 255])], to: "base/wider.safetensors")
    #expect(refused(patch, wider) == "tensorMismatch")
    let opaque = try bench.write(
      [TestTensor(Self.name, .f8E5M2, [24, 256], bytes: [UInt8](repeating: 1, count: 24 * 256))],
      to: "base/f8.safetensors")
    #expect(refused(patch, opaque) == "notConvertible")
  }

  @Test func `what is there already is not added again`() throws {
    let patch = try makePatch()
    let plan = try PortPlan(patch, gguf(.f16), promotion: .f16, threads: 1)
    let (undo, _) = try plan.writeUndo(to: bench.folder.path("u"), tool: "errata test")
    try PatchRun(undo, plan.model, threads: 1).changeInPlace(.apply)
    #expect(try refused(patch, ModelFile(bench.folder.path("m.gguf"))) == "appliedAlready")
  }

  @Test func `only factors are ported, and only with a sample`() throws {
    let patch = try makePatch()
    let edited = try bench.write(
      [
        TestTensor(Self.name, .f32, [24, 256], bytes: Self.weights(24 * 256, seed: 70)),
        TestTensor("v", .f32, [3]),
      ],
      to: "edited.safetensors")
    let plain = try ModelComparison(base, edited, threads: 1).write(
      to: bench.folder.path("plain.errata"), tool: "errata test", threads: 1)
    #expect(
      throws: PortError.notLowRank(
        patch: plain.path, parts: ["\(Self.name) (difference)", "v (added)", "headers or files"])
    ) { try PortPlan(plain, gguf(.f32), promotion: .f16, threads: 1) }

    let writer = try PatchWriter(bench.folder.path("old.errata"))
    var change = try #require(patch.changes[0].lowRank)
    change.sample = nil
    try writer.append(TensorChange(patch.changes[0].name, change), from: patch)
    let old = try writer.finish(tool: "errata test", family: "llama", edit: nil)
    #expect(try refused(old, gguf(.f32)) == "noSample")
    let none = try PatchWriter(bench.folder.path("none")).finish(
      tool: "errata test", family: "llama", edit: nil)
    #expect(try refused(none, gguf(.f32)) == "nothingLowRank")
  }

  @Test func `numbers too large for the new type, and bytes that could not come back, are refused`() throws {
    let patch = try makePatch(scale: 1e6)
    #expect(try refused(patch, gguf(.q8_0)) == "outOfRange")
    try PortPlan(patch, gguf(.q8_0), promotion: .bf16, threads: 1).measure().forEach {
      #expect($0.retention > 0.9)
    }
    let small = try makePatch("small.errata")
    _ = try gguf(.q8_0)
    try bench.folder.write(bench.folder.read("m.gguf") + [1, 2, 3], to: "m.gguf")
    #expect(try refused(small, ModelFile(bench.folder.path("m.gguf"))) == "notRestorable")
    try bench.folder.write([1], to: "undo")
    let plan = try PortPlan(small, gguf(.f32), promotion: .f16, threads: 1)
    #expect(throws: PortError.undoExists(path: bench.folder.path("undo"))) {
      try plan.writeUndo(to: bench.folder.path("undo"), tool: "errata test")
    }
  }

  @Test func `all parts of a split model come along`() throws {
    try Folder.create(bench.folder.path("split"))
    let patch = try makePatch()
    for number in 0..<2 {
      let fields = [
        GGUFField("general.architecture", .string("llama")), GGUFField("split.no", .uint16(UInt16(number))),
        GGUFField("split.count", .uint16(2)), GGUFField("split.tensors.count", .int32(2)),
      ]
      let floats = Self.weights(24 * 256, seed: 7).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      let tensor =
        number == 0
        ? TestTensor("token_embd.weight", .f32, [3, 8]).new
        : NewTensor(
          name: Self.ggufName, elementType: .q8_0, shape: [24, 256],
          elements: try ElementType.q8_0.encoded(floats))
      try GGUFWriter.write(
        [tensor], metadata: fields, to: bench.folder.path("split/m-0000\(number + 1)-of-00002.gguf"))
    }
    for promotion in [Promotion.f16, .keep] {
      let model = try ModelFile(bench.folder.path("split"))
      let plan = try PortPlan(patch, model, promotion: promotion, threads: 1)
      let path = bench.folder.path("undo-\(promotion)")
      let (undo, _) = try plan.writeUndo(to: path, tool: "errata test")
      try PatchRun(undo, model, threads: 1).write(.apply, to: path + "-out")
      try PatchRun(undo, ModelFile(path + "-out"), threads: 1).write(.revert, to: path + "-back")
      for name in try Folder.names(in: bench.folder.path("split")) {
        #expect(
          try same(bench.folder.read("split/" + name), bench.folder.read("undo-\(promotion)-back/" + name)))
      }
    }
  }
}
