import TestSupport
import Testing

@testable import ModelFiles

/// How positions choose among experts, as configurations say it.
@Suite struct ExpertRoutingTests {
  @Test func `families have their own defaults`() throws {
    let mixtral = try MadeConfiguration.read("mixtral").experts
    #expect(
      mixtral
        == ExpertRouting(count: 8, chosen: 2, width: 40, renormalizes: true, layers: [true, true, true]))
    let qwen = try MadeConfiguration.read("qwen3_moe").experts
    #expect(
      qwen
        == ExpertRouting(count: 128, chosen: 8, width: 768, renormalizes: false, layers: [true, true, true]))
    #expect(try MadeConfiguration.read("olmoe").experts?.count == 64)
  }

  @Test func `some layers have one MLP`() throws {
    let listed = try MadeConfiguration.read("qwen3_moe", [("mlp_only_layers", [0, 2])])
    #expect(listed.experts?.layers == [false, true, false])
    let stepped = try MadeConfiguration.read("qwen3_moe", [("decoder_sparse_step", 2)])
    #expect(stepped.experts?.layers == [false, true, false])
  }

  @Test func `numbers that make no choice are refused`() throws {
    let wrong: [(String, JSONValue)] = [
      ("num_experts_per_tok", 9), ("num_experts_per_tok", 0), ("num_experts", 1_048_576),
      ("decoder_sparse_step", 0), ("mlp_only_layers", ["one"]), ("moe_intermediate_size", 0),
    ]
    for (key, value) in wrong {
      #expect(throws: ConfigurationError.self) {
        try MadeConfiguration.read("qwen3_moe", [("num_experts", 8), (key, value)])
      }
    }
  }

  @Test func `an expert's name leads to its place and back`() throws {
    for (type, name) in [
      ("mixtral", "model.layers.3.block_sparse_moe.experts.12.w2.weight"),
      ("qwen3_moe", "model.layers.3.mlp.experts.12.down_proj.weight"),
    ] {
      let family = try #require(ModelFamily.named(type))
      let place = TensorPlace(.expertDown, layer: 3, expert: 12)
      #expect(family.place(of: name) == place)
      #expect(family.tensorNames(of: place, in: .safetensors).first == name)
      #expect(family.place(of: "blk.3.ffn_down_exps.weight") == TensorPlace(.expertDown, layer: 3))
      for odd in ["experts..", "experts.x.", "experts.-1.", "experts.1234567."] {
        #expect(family.place(of: name.replacing("experts.12.", with: odd)) == nil)
      }
    }
  }
}
