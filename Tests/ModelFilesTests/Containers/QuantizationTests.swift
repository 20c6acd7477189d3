import ModelFiles
import TestSupport
import Testing

/// What a folder says of its quantization is believed only where its tensors are packed.
@Suite struct QuantizationTests {
  private func quantization(
    _ settings: JSONValue?, packed: ElementType?
  ) throws -> ModelFile.Quantization? {
    let folder = try TemporaryFolder()
    let members: [JSONValue.Member] =
      [.init("model_type", "llama")] + (settings.map { [.init("quantization_config", $0)] } ?? [])
    try folder.write(Array(JSONValue.object(members).compactText.utf8), to: "config.json")
    var tensors = [
      NewTensor(name: "a.weight", elementType: .f32, shape: [2, 2], elements: [1, 2, 3, 4] as [Float])
    ]
    if let packed {
      tensors.append(
        NewTensor(
          name: "b.weight", elementType: packed, shape: [2, 4], elements: [UInt8](repeating: 1, count: 8)))
    }
    try SafetensorsWriter.write(tensors, to: folder.path("model.safetensors"))
    return try ModelFile(folder.path).quantization
  }

  static let methods: [(JSONValue, String, Int?)] = [
    (["quant_method": "fp8", "fmt": "e4m3"], "fp8", nil),
    (["quant_method": "gptq", "bits": 4, "group_size": 128], "gptq", 4),
    (["quant_method": "awq", "bits": 4], "awq", 4), (["quant_method": "awq", "w_bit": 4], "awq", 4),
    (["quant_method": "bitsandbytes", "load_in_4bit": true], "bitsandbytes", 4),
    (["load_in_8bit": true, "load_in_4bit": false], "bitsandbytes", 8),
    (["quant_method": "compressed-tensors", "format": "pack-quantized"], "compressed-tensors", nil),
    (["weight": 3], "an unnamed method", nil),
  ]

  @Test(arguments: methods)
  func `methods are named`(settings: JSONValue, method: String, bits: Int?) throws {
    let found = try #require(try quantization(settings, packed: .u8))
    #expect(found.method == method && found.bits == bits && found.tensor == "b.weight")
  }

  @Test func `plain numbers are no quantization`() throws {
    #expect(try quantization(["quant_method": "bitsandbytes", "load_in_4bit": true], packed: nil) == nil)
    #expect(try quantization(nil, packed: .u8) == nil)
    #expect(try quantization(.null, packed: .u8) == nil)
  }
}
