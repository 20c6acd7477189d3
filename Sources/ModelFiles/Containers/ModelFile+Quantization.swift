extension ModelFile {
  /// How the weights of a folder are packed, by its own word.
  public struct Quantization: Equatable, Sendable {
    /// `quant_method`: `fp8`, `gptq`, `awq`, `bitsandbytes`, `compressed-tensors` and others.
    public let method: String
    /// Bits of a weight, where they are said.
    public let bits: Int?
    /// A tensor that is packed so.
    public let tensor: String
    /// All that is said of it.
    let settings: JSONValue
  }

  /// How the weights are packed; `nil` for a model whose matrices are plain numbers, whatever its configuration asks for when
  /// it is loaded.
  public var quantization: Quantization? {
    guard format == .safetensors, let json = ModelFile.configuration(in: folder),
      let settings = json["quantization_config"] ?? json["text_config"]?["quantization_config"],
      settings.members != nil,
      let packed = tensors.first(where: { $0.shape.count >= 2 && !$0.elementType.isEditable })
    else { return nil }
    let flags = [("load_in_4bit", 4), ("load_in_8bit", 8)].first { settings[$0.0] == .bool(true) }
    let method =
      settings["quant_method"]?.text ?? (flags == nil ? "an unnamed method" : "bitsandbytes")
    return Quantization(
      method: method, bits: settings["bits"]?.integer ?? settings["w_bit"]?.integer ?? flags?.1,
      tensor: packed.name, settings: settings)
  }

  /// What of the quantization is read in place, in words.
  ///
  /// - Throws: `ConfigurationError` where it is none that this version decodes; it says why.
  public func packedForm() throws -> String? { try WeightPacking(of: self)?.words }
}

extension ModelFile {
  /// Refuses to change a weight of a quantized folder that is packed, or whose packed form has another name.
  ///
  /// Such folders leave some weights as they are; these can be worked with.
  public func requirePlain(_ name: String?) throws {
    guard let quantization else { return }
    if let name, contains(name), try tensor(name).elementType.isEditable { return }
    throw ConfigurationError.quantized(quantization)
  }
}
