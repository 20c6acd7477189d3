internal import LinearAlgebra
internal import ModelFiles

extension AdapterExport {
  /// Writes a folder with `adapter_config.json` and `adapter_model.safetensors`.
  ///
  /// PEFT scales B·A by alpha / r; each module's alpha is its rank here, so that the scale is 1.
  /// Source: huggingface/peft, `src/peft/tuners/lora/layer.py` and `utils/save_and_load.py`.
  func writePEFT(to path: String) throws {
    guard !Folder.occupied(path) else { throw PatchError.outputExists(path: path) }
    let folder = try NewFolder(path)
    let weights = folder.place(of: "adapter_model.safetensors")
    try SafetensorsWriter.write(
      parts.flatMap(tensors), metadata: [("format", "pt")], to: weights.path, shownAs: weights.shown)
    let file = try folder.file("adapter_config.json")
    try file.file.write(Array((configuration.indentedText + "\n").utf8), at: 0)
    try file.publish()
    try folder.commit()
  }

  private func module(_ part: Part) -> String { String(part.target.dropLast(".weight".count)) }

  private func tensors(_ part: Part) -> [NewTensor] {
    let prefix = "base_model.model.\(module(part))"
    return [
      NewTensor(
        name: prefix + ".lora_A.weight", elementType: .f32, shape: [part.rank, part.update.inputWidth],
        elements: part.update.right.floats()),
      NewTensor(
        name: prefix + ".lora_B.weight", elementType: .f32, shape: [part.update.outputWidth, part.rank],
        elements: part.update.left.floats()),
    ]
  }

  private var configuration: JSONValue {
    // Modules of another rank than the adapter's own say so, and have their own alpha.
    let others = parts.filter { $0.rank != rank }.map { JSONValue.Member(module($0), .integer($0.rank)) }
    return [
      "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": .null,
      "inference_mode": .bool(true), "r": .integer(rank), "lora_alpha": .integer(rank),
      "lora_dropout": .number(0), "bias": "none",
      "target_modules": .array(parts.map { .string(module($0)) }),
      "fan_in_fan_out": .bool(parts.contains(where: \.isInputMajor)),
      "rank_pattern": .object(others), "alpha_pattern": .object(others),
    ]
  }
}
