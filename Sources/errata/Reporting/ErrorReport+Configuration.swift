import ModelFiles

extension ErrorReport {
  static func explain(_ error: ConfigurationError) -> Explanation {
    let name = caseName(error)
    let canBePatched = "every model can be patched with `diff` and `apply`"
    switch error {
    case .unknownFamily(let type):
      return Explanation(
        name,
        why: type.map { "its family is \($0), which this errata cannot run" } ?? "it does not say its family",
        advice:
          "families that can be run: \(ModelFamily.knownNames.joined(separator: ", ")); every model can be patched with `diff` and `solve`"
      )
    case .missingSetting(let key):
      return Explanation(name, place: key, why: "the model's configuration does not have it")
    case .badSetting(let key, let found, let expected):
      return Explanation(name, place: key, why: "it is \(found), and must be \(expected)")
    case .unsupported(let setting, let value):
      return Explanation(
        name, place: setting, why: "it is \(value), which this errata does not compute",
        advice: "a newer errata may")
    case .quantized(let quantization):
      return Explanation(
        name, place: "tensor \(quantization.tensor)", why: "the folder is quantized: \(words(quantization))",
        advice: "take the model it was made from, or a GGUF file of it; \(canBePatched)")
    case .mixtureOfExperts(let experts):
      return Explanation(
        name, place: experts.setting,
        why: "the model is a mixture of \(experts.count) experts, which this errata cannot run",
        advice: canBePatched)
    case .unknownTensor(let tensor, let family):
      return Explanation(
        name, place: "tensor \(tensor)",
        why: "the network of the family \(family) has no such tensor: this model computes something else",
        advice: "a newer errata may know it")
    case .unexpectedBias(let tensor):
      return Explanation(
        name, place: "tensor \(tensor)", why: "the model's configuration says that there is no bias here",
        advice: "correct config.json, or remove the tensor")
    case .tensorBeyondLayers(let tensor, let count):
      return Explanation(
        name, place: "tensor \(tensor)", why: "the model's configuration says that it has \(count) layers")
    case .twoTensors(let one, let other):
      return Explanation(
        name, place: "tensors \(one) and \(other)", why: "both would be the same weight of the network")
    case .missingTensor(let names, let near): return missingTensor(name, names, near)
    }
  }

  /// How a folder's weights are packed.
  static func words(_ quantization: ModelFile.Quantization) -> String {
    "\(quantization.method)\(quantization.bits.map { ", \($0) bits" } ?? "")"
  }

  /// That a model has no tensor of these names, and what it has instead.
  static func missingTensor(_ name: String, _ names: [String], _ near: [String]) -> Explanation {
    Explanation(
      name, place: names.first ?? "",
      why: names.count > 1
        ? "the model has no tensor of that name, nor \(names.dropFirst().joined(separator: ", "))"
        : "the model has no tensor of that name",
      advice: nearAdvice(names, near))
  }

  /// What a model's names come near to names it does not have.
  static func nearAdvice(_ names: [String], _ near: [String]) -> String? {
    guard let nearest = near.first else { return nil }
    if let wanted = names.first(where: { nearest.hasSuffix("." + $0) }) {
      let added = nearest.dropLast(wanted.count)
      return "its names begin with \(added), as a program left them that wrapped the model; take it away"
    }
    return "it has \(near.joined(separator: ", "))"
  }
}
