import ModelFiles
import Patches

extension ErrorReport {
  static func explain(_ error: PortError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .unknownFamily(let file, let family):
      return Explanation(
        name, place: file,
        why: family.map { "its family is \($0), whose tensors errata does not know by name" }
          ?? "neither the patch nor the model says of which family it is",
        advice: "known families are \(ModelFamily.knownNames.joined(separator: ", "))")
    case .notLowRank(let patch, let parts):
      return Explanation(
        name, place: patch,
        why: "only low-rank changes can be ported, and it also changes \(Quote.list(parts))",
        advice: "apply it to the model that it was made from")
    case .nothingLowRank(let patch):
      return Explanation(
        name, place: patch, why: "it holds no low-rank change of a weight that could be carried over")
    case .unknownTensor(let tensor, let patch, let family):
      return Explanation(
        name, place: "\(patch), tensor \(tensor)", why: "the family \(family) has no weight of this name")
    case .noSample(let tensor, let patch):
      return Explanation(
        name, place: "\(patch), tensor \(tensor)",
        why: "it carries no sample of the base's weights, so nothing tells whether this model is the same",
        advice: "make the patch again with this errata: solve, diff and combine take a sample")
    case .otherFamily(let model, let expected, let found):
      return Explanation(
        name, place: model, why: "its family is \(found), the patch is for \(expected)",
        advice: "take a model of the patch's family")
    case .noSuchTensor(let tensor, let model, let names, let near):
      return Explanation(
        name, place: "\(model), tensor \(tensor)",
        why: names.isEmpty
          ? "this container has no name for it" : "the model has no \(names.joined(separator: " or "))",
        advice: nearAdvice(names, near))
    case .unknownHeadCount(let tensor, let model):
      return Explanation(
        name, place: "\(model), tensor \(tensor)",
        why: "its rows stand in another order there, and nothing tells how many heads the model has",
        advice: "give the model with its configuration: a folder with config.json, or a GGUF file")
    case .otherWeights(let tensor, let file, let correlation, let threshold):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why:
          "its weights correlate by \(Numbers.fixed(correlation, 3)) with the patch's sample; the same model's do by \(Numbers.fixed(threshold, 2)) or more",
        advice: "take another form of the model that the patch was made from")
    case .appliedAlready(let tensor, let file):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "its weights are nearer to the patch's result than to its base: the change is there already")
    case .notConvertible(let tensor, let file, let elementType):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "its elements cannot be turned into numbers of type \(elementType.rawValue), or from it",
        advice: "--promote f16 can write what it can read")
    case .outOfRange(let tensor, let index, let elementType):
      return Explanation(
        name, place: "tensor \(tensor), element \(index)",
        why: "the weight is too large for \(elementType.rawValue)",
        advice: "--promote bf16 holds larger numbers")
    case .undoExists(let path):
      return Explanation(
        name, place: path, why: "something of this name exists already, perhaps some model's only way back",
        advice: "give --undo a new name")
    case .promotionNeedsNewFile(let tensor, let file, let from, let to):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "it becomes \(to.rawValue) instead of \(from.rawValue), so the result must be a new file",
        advice: "give -o OUT, or --promote keep, which may lose the edit")
    case .notRestorable(let model):
      return Explanation(
        name, place: model,
        why: "it holds bytes that belong to no tensor, and an undo could not give them back",
        advice: "--promote keep leaves them in place")
    case .needsModel(let tensor, let patch, let byteCount):
      return Explanation(
        name, place: "\(patch), tensor \(tensor)",
        why: "it claims factors of \(Numbers.bytes(byteCount)), far more than the patch's own size",
        advice: "give the model with --model, to show that there are such tensors")
    case .noArchitecture(let family):
      return Explanation(
        name, why: "llama.cpp has no architecture for the family \(family)",
        advice: "export it with --as peft")
    }
  }
}
