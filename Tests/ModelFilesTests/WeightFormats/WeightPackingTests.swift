import ModelFiles
import TestSupport
import Testing

/// Folders whose packing is not known, or is not as they say.
@Suite struct WeightPackingTests {
  static let block: JSONValue = ["quant_method": "fp8", "weight_block_size": [2, 2]]

  private func packing(
    _ settings: JSONValue, scales: (name: String, type: ElementType, shape: [Int])?,
    codes: ElementType = .f8E4M3
  ) throws -> (WeightPacking?, ModelFile) {
    let folder = try TemporaryFolder()
    let configuration = JSONValue.object([.init("quantization_config", settings)])
    try folder.write(Array(configuration.compactText.utf8), to: "config.json")
    var tensors = [
      NewTensor(
        name: "a.weight", elementType: codes, shape: [3, 4], elements: [UInt8](repeating: 1, count: 12)),
      NewTensor(name: "b.weight", elementType: .f32, shape: [1, 2], elements: [1, 2] as [Float]),
    ]
    if let (name, type, shape) = scales {
      let count = try type.byteCount(shape: shape)
      tensors.append(
        NewTensor(name: name, elementType: type, shape: shape, elements: [UInt8](repeating: 0, count: count)))
    }
    try SafetensorsWriter.write(tensors, to: folder.path("model.safetensors"))
    let model = try ModelFile(folder.path)
    return (try WeightPacking(of: model), model)
  }

  private static func compressed(_ weights: JSONValue, format: String = "float-quantized") -> JSONValue {
    [
      "quant_method": "compressed-tensors", "format": .string(format),
      "config_groups": ["group_0": ["weights": weights]],
    ]
  }

  static let unknown: [(JSONValue, String)] = [
    (["quant_method": "fp8", "weight_block_size": [2]], "weight_block_size"),
    (["quant_method": "fp8", "weight_block_size": [0, 2]], "weight_block_size"),
    (["quant_method": "fp8", "weight_block_size": "2"], "weight_block_size"),
    (compressed(["num_bits": 8, "strategy": "channel"], format: "pack-quantized"), "format"),
    (compressed(["num_bits": 4, "strategy": "channel"]), "num_bits"),
    (compressed(["num_bits": 8, "strategy": "channel", "symmetric": false]), "symmetric"),
    (compressed(["num_bits": 8, "strategy": "token"]), "strategy"),
    (compressed(["num_bits": 8, "strategy": "group"]), "config_groups"),
    (["quant_method": "compressed-tensors", "config_groups": [:]], "config_groups"),
    (["quant_method": "bitsandbytes", "load_in_4bit": true], "load_in_4bit"),
  ]

  @Test(arguments: unknown)
  func `a setting that is not known is refused by name`(settings: JSONValue, key: String) throws {
    let error = #expect(throws: ConfigurationError.self) {
      _ = try packing(settings, scales: ("a.weight_scale", .f32, [3, 1]))
    }
    guard case .unsupported(let setting, _) = error else { throw try #require(error) }
    #expect(setting == "quantization_config.\(key)")
  }

  @Test func `a method that is not known is refused by name`() throws {
    let error = #expect(throws: ConfigurationError.self) {
      _ = try packing(["quant_method": "quip"], scales: nil)
    }
    guard case .quantized(let quantization) = error else { throw try #require(error) }
    #expect(quantization.method == "quip" && quantization.tensor == "a.weight")
  }

  @Test func `scales must be there, of a type and a form that are known`() throws {
    let scales = "a.weight_scale_inv"
    for (shape, type, isGood) in [
      ([2, 2], ElementType.f32, true), ([2, 2], .f8E8M0, true), ([2, 2], .bf16, true), ([2, 2], .i32, false),
      ([4], .f32, false), ([1, 2, 2], .f32, false), ([2, 3], .f32, false), ([3, 4], .f32, false),
    ] {
      let (packing, model) = try packing(Self.block, scales: (scales, type, shape))
      let tensor = try model.tensor("a.weight")
      if isGood {
        #expect(try packing?.weight(tensor)?.scales.name == scales)
      } else {
        #expect(throws: ConfigurationError.self) { _ = try packing?.weight(tensor) }
      }
    }
    let (packing, model) = try packing(Self.block, scales: nil)
    #expect(throws: ConfigurationError.missingTensor(names: [scales, "a.weight_scale"], near: [])) {
      _ = try packing?.weight(model.tensor("a.weight"))
    }
    #expect(try packing?.weight(model.tensor("b.weight")) == nil)
  }

  @Test func `scales belong to a packed weight`() throws {
    let (packing, _) = try packing(Self.block, scales: ("b.weight_scale_inv", .f32, [1, 1]))
    #expect(packing?.weight(beside: "b.weight_scale_inv") == nil)
    #expect(packing?.weight(beside: "a.weight_scale_inv") == "a.weight")
    #expect(packing?.weight(beside: "c.bias") == nil)
  }
}
