import ModelFiles
import TestSupport
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
    #expect(family.storesInputMajor(tensor) == inputMajor)
    let layer = tensor.split(separator: ".").compactMap { Int($0) }.first
    #expect(layer != nil && family.layer(ofDownProjection: tensor) == layer)
    #expect(ModelFamily.family(ofDownProjection: tensor, modelType: type) == family)
    // Qwen2 stores its weights under Llama's names.
    let byName = ModelFamily.family(ofDownProjection: tensor, modelType: nil)
    #expect(byName == (type == "qwen2" ? ModelFamily.named("llama") : family))
    #expect(family.types.contains(type))
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

  @Test(arguments: ModelFamily.knownNames)
  func `every name leads back to its place, in both containers`(type: String) throws {
    let family = try #require(ModelFamily.named(type))
    for format in [ModelFile.Format.safetensors, .gguf] {
      for role in TensorRole.allCases {
        for isBias in [false, true] {
          let place = TensorPlace(role, layer: role.isPerLayer ? 12 : nil, isBias: isBias)
          for name in family.tensorNames(of: place, in: format) { #expect(family.place(of: name) == place) }
        }
      }
    }
  }

  @Test func `a GGUF file stores outputs first in every family`() throws {
    let family = try #require(ModelFamily.named("gpt2"))
    #expect(family.layer(ofDownProjection: "blk.7.ffn_down.weight") == 7)
    #expect(!family.storesInputMajor("blk.7.ffn_down.weight"))
    #expect(!family.storesInputMajor(.down, in: .gguf) && family.storesInputMajor(.down, in: .safetensors))
    #expect(ModelFamily.named("gptneox")?.name == "gpt_neox")
    #expect(ModelFamily.named("opt")?.place(of: "blk.7.ffn_down.weight") == nil)
  }

  @Test func `the README names every family that can be run`() throws {
    let readme = String(decoding: try FileBytes.read(PackageFiles.path("README.md")), as: UTF8.self)
    let start = try #require(readme.firstRange(of: "Networks that can be run:"))
    let sentence = readme[start.upperBound...].prefix { $0 != ";" }.replacing("\n", with: " ")
    for title in ModelFamily.knownTitles { #expect(sentence.contains(title), "\(title)") }
  }

  @Test func `nothing but the families' own files knows their names`() throws {
    let names = ModelFamily.knownNames.map { "\"\($0)\"" }
    var checked = 0
    func search(_ folder: String) throws {
      for name in try Folder.names(in: folder) {
        let path = Folder.path(folder, name)
        if Folder.fileExists(path), name.hasSuffix(".swift") {
          let source = String(decoding: try FileBytes.read(path), as: UTF8.self)
          for family in names { #expect(!source.contains(family), "\(path) names \(family)") }
          checked += 1
        } else if !name.contains("."), !["Families", "Tokenizer", "Chat"].contains(name) {
          // Tokenizers and templates have names of their own, some of which are the same.
          try search(path)
        }
      }
    }
    try search(PackageFiles.path("Sources"))
    #expect(checked > 200)
  }
}
