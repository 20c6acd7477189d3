import LinearAlgebra
import ModelFiles
import TestSupport
import Transformer

/// A tiny random model of a family, with what transformers computes on it (`Fixtures/make/families_reference.py`).
struct FamilyReference {
  /// All folders of `Fixtures/models/families` but `phi3-long`, whose longest text cannot be run in pieces.
  static let names = [
    "gpt2", "gptj", "gpt_neox", "gpt_neox-sequential", "opt", "llama2", "llama3", "mistral", "qwen2",
    "gpt_neox-silu", "llama-biased", "qwen3", "gemma2", "gemma3", "olmo2", "olmo3", "smollm3", "granite",
    "phi",
    "phi3", "glm", "glm4", "ministral3", "stablelm", "stablelm-parallel", "exaone4", "cohere2", "falcon",
    "falcon-grouped", "gpt_bigcode", "starcoder2", "mixtral", "qwen3_moe", "qwen3_moe-mixed", "olmoe",
  ]
  /// Those that also exist as GGUF.
  static let ggufNames = names.filter {
    !["gptj", "gpt_neox-sequential", "opt", "mistral", "gpt_neox-silu", "llama-biased", "qwen3_moe-mixed"]
      .contains($0)
  }

  let name: String
  let tensors: ModelFile

  init(_ name: String) throws {
    self.name = name
    tensors = try ModelFile(PackageFiles.path("Fixtures/reference/families/\(name).safetensors"))
  }

  func network(threads: Int = 2) throws -> Network {
    try Network(ModelFile(PackageFiles.path("Fixtures/models/families/\(name)")), threads: threads)
  }

  func ggufNetwork(threads: Int = 2) throws -> Network {
    try Network(ModelFile(PackageFiles.path("Fixtures/models/families/\(name).gguf")), threads: threads)
  }

  func floats(_ tensor: String) throws -> [Float] {
    let info = try tensors.tensor(tensor)
    let bytes = try tensors.file(of: info).read(info.byteCount, at: info.byteRange.lowerBound)
    return info.elementType.decoded(bytes)
  }

  func integers(_ tensor: String) throws -> [Int] {
    let info = try tensors.tensor(tensor)
    let bytes = try tensors.file(of: info).read(info.byteCount, at: info.byteRange.lowerBound)
    return bytes.withUnsafeBytes { raw in
      (0..<info.elementCount).map { Int(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
    }
  }

  func prompt(_ index: Int) throws -> [Int32] { try integers("\(index).ids").map(Int32.init) }
}

/// The largest difference, as a share of the largest wanted magnitude.
func relativeError(_ found: some Collection<Float>, _ wanted: some Collection<Float>) -> Double {
  precondition(found.count == wanted.count, "numbers of one count: \(found.count) and \(wanted.count)")
  let scale = wanted.reduce(0) { max($0, $1.magnitude) }
  let difference = zip(found, wanted).reduce(Float(0)) { max($0, ($1.0 - $1.1).magnitude) }
  return difference.isNaN ? .infinity : Double(difference / max(scale, .leastNormalMagnitude))
}
