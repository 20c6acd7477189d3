import ModelFiles
import Testing

@Suite struct ModelFamilyTests {
  @Test(arguments: [
    ("gpt2", "transformer.h.17.mlp.c_proj.weight", true), ("gpt2", "h.0.mlp.c_proj.weight", true),
    ("gptj", "transformer.h.5.mlp.fc_out.weight", false),
    ("gpt_neox", "gpt_neox.layers.43.mlp.dense_4h_to_h.weight", false),
    ("opt", "model.decoder.layers.1.fc2.weight", false), ("opt", "decoder.layers.1.fc2.weight", false),
    ("llama", "model.layers.31.mlp.down_proj.weight", false),
    ("mistral", "model.layers.31.mlp.down_proj.weight", false),
    ("qwen2", "model.layers.3.mlp.down_proj.weight", false),
  ])
  func `a family knows its down-projections and how they are stored`(
    type: String, tensor: String, inputMajor: Bool
  ) throws {
    let family = try #require(ModelFamily.named(type))
    #expect(family.storesInputMajor == inputMajor)
    let layer = tensor.split(separator: ".").compactMap { Int($0) }.first
    #expect(layer != nil && family.layer(ofDownProjection: tensor) == layer)
    #expect(ModelFamily.family(ofDownProjection: tensor, modelType: type) == family)
    #expect(ModelFamily.family(ofDownProjection: tensor, modelType: nil) == family)
    #expect(family.name == type || family.aliases.contains(type))
  }

  @Test(arguments: [
    "model.layers.mlp.down_proj.weight", "model.layers..mlp.down_proj.weight",
    "model.layers.3.mlp.down_proj.bias",
    "model.layers.3.4.mlp.down_proj.weight", "model.layers.-3.mlp.down_proj.weight",
    "model.layers.3.mlp.up_proj.weight",
    "model.layers.٣.mlp.down_proj.weight", "model.layers.99999999999999999999.mlp.down_proj.weight",
    "xmodel.layers.3.mlp.down_proj.weight", "",
  ])
  func `other names belong to no family`(tensor: String) {
    #expect(ModelFamily.family(ofDownProjection: tensor, modelType: nil) == nil)
    #expect(ModelFamily.named("llama")?.layer(ofDownProjection: tensor) == nil)
  }

  @Test func `a model of unknown type is not guessed at by its tensors' names`() {
    let name = "transformer.h.1.mlp.c_proj.weight"
    #expect(ModelFamily.family(ofDownProjection: name, modelType: "imagegpt") == nil)
    #expect(ModelFamily.family(ofDownProjection: name, modelType: "llama") == nil)
    #expect(ModelFamily.named("imagegpt") == nil)
  }
}
