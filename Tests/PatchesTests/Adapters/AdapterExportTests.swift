import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

@Suite struct AdapterExportTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A patch of a tiny model of a family: one tensor for each rank, by name.
  private func patch(
    _ edits: [(name: String, rank: Int)], of model: ModelFile, family: String
  ) throws -> PatchFile {
    let known = try #require(ModelFamily.named(family))
    let writer = try PatchWriter(bench.folder.path("p.errata"))
    for (name, rank) in edits {
      let tensor = try model.tensor(name)
      let isInputMajor = known.storesInputMajor(name)
      try writer.append(
        TestEdit(tensor: name, rank: rank).factors(
          outputWidth: tensor.shape[isInputMajor ? 1 : 0], inputWidth: tensor.shape[isInputMajor ? 0 : 1]),
        to: tensor, of: model, orientation: isInputMajor ? .inputMajor : .outputMajor,
        options: LowRankOptions())
    }
    return try writer.finish(tool: "errata test", family: family, edit: nil)
  }

  private func matrix(_ name: String, in path: String) throws -> Matrix<Double> {
    let model = try ModelFile(bench.folder.path(path))
    let tensor = try model.tensor(name)
    let bytes = try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    return Matrix(
      rows: tensor.shape[0], columns: tensor.shape[1],
      elements: tensor.elementType.decoded(bytes).map(Double.init))
  }

  private func update(_ patch: PatchFile, _ index: Int) throws -> Matrix<Double> {
    let own = try #require(patch.changes[index].lowRank)
    return try StoredFactors(of: own, patch.changes[index].name, in: patch).update(of: own.shape).product()
  }

  @Test func `PEFT gets both factors under the module's name, GPT-2's with their orientation`() throws {
    let model = try ModelFile(PortFamilyTests.path("gpt2"))
    let names = ["transformer.h.0.attn.c_proj.weight", "transformer.h.2.mlp.c_proj.weight"]
    let patch = try patch([(names[0], 3), (names[1], 2)], of: model, family: "gpt2")
    let export = try AdapterExport(patch, as: .peft, model: nil)
    try export.write(to: bench.folder.path("lora"))
    #expect(
      try Folder.names(in: bench.folder.path("lora")) == ["adapter_config.json", "adapter_model.safetensors"])
    let json = try JSONValue(parsing: bench.folder.read("lora/adapter_config.json"))
    #expect(json["peft_type"] == "LORA" && json["fan_in_fan_out"] == .bool(true))
    #expect(json["r"] == 3 && json["lora_alpha"] == 3)
    #expect(json["rank_pattern"] == ["transformer.h.2.mlp.c_proj": 2])
    #expect(json["alpha_pattern"] == json["rank_pattern"])
    for (index, name) in names.enumerated() {
      let module = "base_model.model." + name.dropLast(".weight".count)
      let a = try matrix(module + ".lora_A.weight", in: "lora/adapter_model.safetensors")
      let b = try matrix(module + ".lora_B.weight", in: "lora/adapter_model.safetensors")
      #expect(try b.times(a) == update(patch, index))
    }
    #expect(throws: PatchError.outputExists(path: bench.folder.path("lora"))) {
      try export.write(to: bench.folder.path("lora"))
    }
  }

  @Test func `llama.cpp gets one alpha, and factors that make up for their rank`() throws {
    let model = try ModelFile(PortFamilyTests.path("llama3"))
    let patch = try patch(
      [
        ("model.layers.0.mlp.down_proj.weight", 2), ("model.layers.1.mlp.up_proj.weight", 4),
        ("model.layers.1.self_attn.k_proj.weight", 1),
      ], of: model, family: "llama")
    #expect(
      throws: PortError.unknownHeadCount(
        tensor: "model.layers.1.self_attn.k_proj.weight", model: patch.path)
    ) { try AdapterExport(patch, as: .ggufAdapter, model: nil) }
    let export = try AdapterExport(patch, as: .ggufAdapter, model: model)
    try export.write(to: bench.folder.path("lora.gguf"))
    let header = try #require(try ModelFile(bench.folder.path("lora.gguf")).ggufHeaders.first)
    #expect(try header["general.type"]?.text() == "adapter")
    #expect(try header["general.architecture"]?.text() == "llama")
    #expect(try header["adapter.type"]?.text() == "lora")
    #expect(header["adapter.lora.alpha"]?.number == 4)
    let plan = try PortPlan(
      patch, ModelFile(PortFamilyTests.path("llama3.gguf")), promotion: .f16, threads: 1)
    for ported in plan.tensors {
      let a = try matrix(ported.tensor.name + ".lora_a", in: "lora.gguf")
      let b = try matrix(ported.tensor.name + ".lora_b", in: "lora.gguf")
      let (scaled, wanted) = (b.times(a), ported.update.product())
      // llama.cpp's scale: alpha / rank.
      let scale = 4 / Double(a.rows)
      #expect(zip(scaled.elements, wanted.elements).allSatisfy { abs($0 * scale - $1) < 1e-7 })
    }
  }

  @Test func `factors that the patch's size does not justify need the model`() throws {
    let name = "model.layers.0.mlp.down_proj.weight"
    let model = try bench.write(
      [TestTensor(name, .f32, [512, 512], bytes: [UInt8](repeating: 0, count: 1 << 20))],
      to: "m.safetensors")
    let zeros = LowRankFactors(
      left: Matrix(rows: 512, columns: 512), right: Matrix(rows: 512, columns: 512))
    var options = LowRankOptions()
    options.factorType = .f32
    options.threads = 4
    let writer = try PatchWriter(bench.folder.path("zeros.errata"))
    try writer.append(
      zeros, to: model.tensor(name), of: model, orientation: .outputMajor, options: options)
    let patch = try writer.finish(tool: "errata test", family: "llama", edit: nil)
    #expect(throws: PortError.needsModel(tensor: name, patch: patch.path, byteCount: 1 << 21)) {
      try AdapterExport(patch, as: .peft, model: nil)
    }
  }

  @Test func `what an adapter cannot hold is named`() throws {
    let model = try ModelFile(PortFamilyTests.path("opt"))
    let patch = try patch(
      [("model.decoder.embed_tokens.weight", 1), ("model.decoder.layers.0.fc2.weight", 1)], of: model,
      family: "opt")
    let export = try AdapterExport(patch, as: .peft, model: model)
    #expect(export.parts.map(\.target) == ["model.decoder.layers.0.fc2.weight"])
    #expect(
      export.losses == [.init(tensor: "model.decoder.embed_tokens.weight", reason: .embedding)])
    #expect(throws: PortError.noArchitecture(family: "opt")) {
      try AdapterExport(patch, as: .ggufAdapter, model: nil)
    }
    let none = try PatchWriter(bench.folder.path("none")).finish(
      tool: "errata test", family: "opt", edit: nil)
    #expect(throws: PortError.nothingLowRank(patch: none.path)) {
      try AdapterExport(none, as: .peft, model: nil)
    }
  }
}
