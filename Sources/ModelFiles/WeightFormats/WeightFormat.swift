/// A way in which folders pack weights, by the name that `quantization_config` gives it: a row of `table`.
///
/// A packed weight stays where it lies; a panel of it is decoded when it is multiplied with, as GGUF's blocks are.
///
/// - Source: huggingface/transformers, `integrations/` and `quantizers/`; vllm-project/compressed-tensors.
struct WeightFormat: Sendable {
  /// `quant_method`.
  let method: String
  /// Endings, after a weight's stem, of the tensor that holds its scales; the first that is there.
  let scales: [String]
  /// Endings of tensors beside a weight that its numbers do not depend on: they are for products of rounded activations, which are
  /// not rounded here.
  var others: [String] = []
  /// Reads the settings: which forms the scales may have, and what is said of them.
  let read: @Sendable (PackingSettings) throws -> PackingLayout

  /// All formats that are read in place.
  static let table: [WeightFormat] = [fp8, fbgemmFP8, compressedTensors, bitsandbytes]

  /// FP8 with a scale for each block (DeepSeek V3, Qwen3) or for the whole weight (Ministral 3).
  ///
  /// A scale named the inverse is a factor all the same.
  static let fp8 = WeightFormat(
    method: "fp8", scales: ["weight_scale_inv", "weight_scale"],
    others: ["activation_scale", "input_scale", "k_scale", "v_scale"]
  ) { settings in
    guard let block = try settings.integers("weight_block_size") else {
      return PackingLayout(forms: [.tensor], words: "FP8, one scale for a weight")
    }
    guard block.count == 2, block.allSatisfy({ $0 > 0 && $0 < 1 << 20 }) else {
      throw settings.unsupported("weight_block_size")
    }
    return PackingLayout(
      forms: [.block(block[0], block[1])], words: "FP8, a scale for \(block[0]) × \(block[1]) numbers")
  }

  /// Llama 3.1's FP8: a scale for each output.
  static let fbgemmFP8 = WeightFormat(
    method: "fbgemm_fp8", scales: ["weight_scale"], others: ["input_scale_ub"]
  ) { _ in PackingLayout(forms: [.channel], words: "FP8, a scale for an output") }

  /// FP8 and whole numbers of 8 bits, one in a byte; those of fewer bits, which share one, are refused by their format's name.
  static let compressedTensors = WeightFormat(
    method: "compressed-tensors", scales: ["weight_scale"],
    others: ["input_scale", "output_scale", "k_scale", "v_scale"]
  ) { settings in
    try settings.require("format", in: ["float-quantized", "naive-quantized", "int-quantized", nil])
    guard
      settings["sparsity_config"]?.members?.isEmpty != false
        || settings["sparsity_config"]?["format"]?.text == "dense"
    else { throw settings.unsupported("sparsity_config") }
    guard let groups = settings["config_groups"]?.members, !groups.isEmpty else {
      throw settings.unsupported("config_groups")
    }
    var layout = PackingLayout(forms: [], words: "")
    for group in groups {
      guard let (form, words) = try compressedForm(PackingSettings(group.value["weights"] ?? .null)) else {
        throw settings.unsupported("config_groups")
      }
      if !layout.forms.contains(form) { layout.forms.append(form) }
      layout.words += (layout.words.isEmpty ? "" : "; ") + words
    }
    return layout
  }

  /// How one group of compressed-tensors scales its weights; `nil` where there is no way in which it does.
  private static func compressedForm(_ weights: PackingSettings) throws -> (ScaleForm, String)? {
    try weights.require("num_bits", in: ["8"])
    // Whole numbers with a zero point of their own are another decoding.
    try weights.require("symmetric", in: ["true", nil])
    let kind = weights["type"]?.text == "float" ? "FP8" : "8-bit whole numbers"
    switch weights["strategy"]?.text {
    case "tensor": return (.tensor, "\(kind), one scale for a weight")
    case "channel": return (.channel, "\(kind), a scale for an output")
    case "group":
      guard let size = weights["group_size"]?.integer, size > 0, size < 1 << 20 else { return nil }
      return (.block(1, size), "\(kind), a scale for \(size) inputs of an output")
    case "block":
      guard let block = try weights.integers("block_structure"), block.count == 2,
        block.allSatisfy({ $0 > 0 && $0 < 1 << 20 })
      else { return nil }
      return (.block(block[0], block[1]), "\(kind), a scale for \(block[0]) × \(block[1]) numbers")
    default: throw weights.unsupported("strategy")
    }
  }

  /// LLM.int8(): whole numbers, and the largest magnitude of each output, which 127 stands for.
  ///
  /// Inputs that its products leave in half precision are no part of the file. NF4 and FP4 are refused by their flag.
  static let bitsandbytes = WeightFormat(
    method: "bitsandbytes", scales: ["SCB"], others: ["weight_format"]
  ) { settings in
    try settings.require("load_in_4bit", in: ["false", nil])
    return PackingLayout(
      forms: [.channel], factor: 7.874015718698502e-3, words: "8-bit whole numbers, a scale for an output")
  }
}

/// Which numbers of a weight `[outputs × inputs]` a scale is for.
enum ScaleForm: Equatable, Sendable {
  /// All of them.
  case tensor
  /// Those of an output.
  case channel
  /// Those of so many outputs and so many inputs.
  case block(Int, Int)

  /// Outputs and inputs that share a scale.
  func extents(of shape: [Int]) -> (rows: Int, columns: Int) {
    switch self {
    case .tensor: (max(shape[0], 1), max(shape[1], 1))
    case .channel: (1, max(shape[1], 1))
    case .block(let rows, let columns): (rows, columns)
    }
  }
}

/// What the settings of a packed folder say of its scales.
struct PackingLayout: Sendable {
  /// The forms that its weights' scales may have.
  var forms: [ScaleForm]
  /// What every number is multiplied by in the end.
  var factor: Float = 1
  /// The same for people.
  var words: String
}
