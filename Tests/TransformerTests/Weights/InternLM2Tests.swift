import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

/// InternLM 2 is no part of transformers; its network is Llama's, with queries, keys and values in one weight, key head by key head.
@Suite struct InternLM2Tests {
  @Test func `it is Llama under other names and in another order of rows`() throws {
    let source = try ModelFile(PackageFiles.path("Fixtures/models/families/llama3"))
    let network = try Network(source, threads: 1)
    let c = network.configuration
    let folder = try TemporaryFolder()
    let settings = try #require(JSONValue(readingFile: source.folder + "/config.json").members)
    let own: [JSONValue.Member] = [.init("model_type", "internlm2"), .init("bias", false)]
    let kept = settings.filter { !["model_type", "attention_bias", "mlp_bias"].contains($0.key) }
    try folder.write(Array(JSONValue.object(own + kept).compactText.utf8), to: "config.json")

    let names = [
      "embed_tokens": "tok_embeddings", "input_layernorm": "attention_norm",
      "post_attention_layernorm": "ffn_norm", "self_attn.o_proj": "attention.wo",
      "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
      "mlp.down_proj": "feed_forward.w2",
    ]
    func elements(_ name: String) throws -> [Float] {
      let tensor = try source.tensor(name)
      return tensor.elementType.decoded(
        try source.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound))
    }
    var tensors: [NewTensor] = []
    for tensor in source.tensors where !["q_proj", "k_proj", "v_proj"].contains(where: tensor.name.contains) {
      let name = names.reduce(tensor.name) { $0.replacing($1.key + ".weight", with: $1.value + ".weight") }
      tensors.append(
        NewTensor(name: name, elementType: .f32, shape: tensor.shape, elements: try elements(tensor.name)))
    }
    let (head, group) = (c.headWidth * c.width, c.headCount / c.keyValueHeadCount)
    for layer in 0..<c.layerCount {
      let parts = try ["q", "k", "v"].map {
        try elements("model.layers.\(layer).self_attn.\($0)_proj.weight")
      }
      var fused: [Float] = []
      for place in 0..<c.keyValueHeadCount {
        fused += parts[0][place * group * head..<(place + 1) * group * head]
        for part in parts[1...] { fused += part[place * head..<(place + 1) * head] }
      }
      tensors.append(
        NewTensor(
          name: "model.layers.\(layer).attention.wqkv.weight", elementType: .f32,
          shape: [fused.count / c.width, c.width], elements: fused))
    }
    try SafetensorsWriter.write(tensors, to: folder.path("model.safetensors"))

    let other = try Network(ModelFile(folder.path), threads: 1)
    #expect(other.configuration.family.name == "internlm2")
    let reference = try FamilyReference("llama3")
    for index in 0..<3 {
      let prompt = try reference.prompt(index)
      // Whole texts, and one whose beginning is shared: two ways through attention.
      let whole = try other.run([TokenSequence(prompt)])
      let logits = other.logits(of: whole, rows: Array(0..<prompt.count)).rows.matrix()
      #expect(relativeError(logits.elements, try reference.floats("\(index).logits")) < 1e-5)
      let last = try other.run([TokenSequence(prompt), TokenSequence([3], sharing: prompt.count)])
      let next = try network.run([TokenSequence(prompt + [3])])
      #expect(
        relativeError(
          other.lastLogits(of: last).rows.matrix().row(1).map { $0 },
          network.lastLogits(of: next).rows.matrix().row(0).map { $0 }) < 1e-5)
    }
  }
}
