internal import LinearAlgebra
internal import ModelFiles

extension AdapterExport {
  /// Writes the file that `llama.cpp --lora` takes.
  ///
  /// llama.cpp scales B·A by alpha / rank with one alpha for all tensors and each tensor's own rank, so B is multiplied by
  /// rank / alpha: by 1 where all ranks are the same. Rows of B stand in the order of the GGUF weight's rows.
  /// Source: ggml-org/llama.cpp, `src/llama-adapter.h`, `llama_adapter_lora_weight.get_scale`; `convert_lora_to_gguf.py`.
  func writeGGUF(to path: String) throws {
    let alpha = Double(rank)
    let tensors = parts.flatMap { part in
      [
        NewTensor(
          name: part.target + ".lora_a", elementType: .f32, shape: [part.rank, part.update.inputWidth],
          elements: part.update.right.floats()),
        NewTensor(
          name: part.target + ".lora_b", elementType: .f32, shape: [part.update.outputWidth, part.rank],
          elements: part.update.left.floats(times: Double(part.rank) / alpha)),
      ]
    }
    let metadata = [
      GGUFField("general.type", .string("adapter")),
      GGUFField("general.architecture", .string(family.architectures[0])),
      GGUFField("adapter.type", .string("lora")), GGUFField("adapter.lora.alpha", .float32(Float(alpha))),
    ]
    try GGUFWriter.write(tensors, metadata: metadata, to: path)
  }
}
