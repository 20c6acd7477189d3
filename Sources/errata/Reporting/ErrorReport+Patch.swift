import Floor
import ModelFiles
import Patches

extension ErrorReport {
  private static let getAgain = "get the patch again from where it came"
  private static let otherForm = "if it is another form of the patch's own model, `errata apply --port`"

  static func explain(_ error: PatchError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .notAPatch(let file, let found):
      let (why, advice) = words(found, expected: .patch, file: file)
      return Explanation(
        name, place: file, why: found == .unknown ? "it does not begin as a patch does" : why, advice: advice)
    case .unknownVersion(let file, let found, let known):
      return Explanation(
        name, place: file, why: "its format version is \(found), this errata reads \(known)",
        advice: "get a newer errata")
    case .unknownFeature(let file, let bits):
      return Explanation(
        name, place: file, why: "it needs features that this errata does not have (bits \(bits))",
        advice: "get a newer errata")
    case .manifestTooLarge(let file, let length, let limit):
      return Explanation(name, place: file, why: "its manifest claims \(length) bytes, allowed are \(limit)")
    case .tooManyBlocks(let file, let count, let limit):
      return Explanation(name, place: file, why: "it claims \(count) blocks, allowed are \(limit)")
    case .wrongLength(let file, let expected, let found):
      return Explanation(
        name, place: file, why: "its parts add up to \(expected) bytes, the file has \(found)",
        advice: getAgain)
    case .patchDigest(let file, let expected, let found):
      return Explanation(
        name, place: file,
        why: "its digest should be \(expected.abbreviation)… and is \(found.abbreviation)…: it is damaged",
        advice: getAgain)
    case .blockTooLarge(let file, let block):
      return Explanation(name, place: "\(file), block \(block)", why: "it is larger than the format allows")
    case .unknownCoding(let file, let block, let coding):
      return Explanation(
        name, place: "\(file), block \(block)",
        why: "its coding is \(coding), which this errata does not know",
        advice: "get a newer errata")
    case .blockDigest(let file, let block, let byteOffset):
      return Explanation(
        name, place: "\(file), block \(block), byte \(byteOffset)",
        why: "its bytes are not those its digest names: it is damaged",
        advice: getAgain)
    case .blockDecoding(let file, let block):
      return Explanation(
        name, place: "\(file), block \(block)", why: "it does not decode to the length it declares")
    case .badManifest(let file, let field):
      return Explanation(name, place: file, why: "the manifest's field \(field) is missing or malformed")
    case .manifestSyntax(let file, let error):
      return Explanation(
        name, place: "\(file), byte \(40 + error.byteOffset)",
        why: "the manifest is not JSON: \(json(error.problem))")
    case .unknownChange(let file, let field, let value):
      return Explanation(
        name, place: file, why: "the manifest's \(field) is \"\(value)\", which this errata does not know",
        advice: "get a newer errata")
    case .badBlockRange(let file, let tensor, let field):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "its \(field) are not the blocks that its shape and rank ask for")
    case .leafDigest(let file, let tensor):
      return Explanation(name, place: "\(file), tensor \(tensor)", why: "its leaves do not give its digests")
    case .fileDigest(let file, let beside):
      return Explanation(
        name, place: "\(file), file \(beside)", why: "what is stored of it does not give its digest")
    case .notFinite(let file, let tensor):
      return Explanation(name, place: "\(file), tensor \(tensor)", why: "a factor is not a finite number")
    case .memoryInStack(let patch):
      return Explanation(
        name, place: patch, why: "it has a memory, and the patches are a stack",
        advice: "combine the stack of weights first, then what comes of it with the memory")
    case .memoriesOfDifferentModels(let patch):
      return Explanation(
        name, place: patch, why: "it holds states of another model than the patches before it")
    case .tornMemory(let patch):
      return Explanation(
        name, place: patch,
        why:
          "one of its facts takes the place of one that shares a side weight with others, which still says it",
        advice: "`errata edit --onto` trains the others anew; it has the model")
    case .onlyMemory(let patch):
      return Explanation(
        name, place: patch,
        why: "it leaves the weights alone: its facts speak to the prompts that they are for",
        advice:
          "ask and eval take it with --patch; `errata export --as system` and other forms give it to other programs, --as patch makes a change of weights of side weights (wise)"
      )
    case .badMemory(let file, let array):
      return Explanation(
        name, place: file, why: "the memory's \(array) are not what they should be: it is damaged",
        advice: getAgain)
    case .choicesMismatch(let file, let tensor, let tile):
      return Explanation(
        name, place: "\(file), tensor \(tensor), tile \(tile)",
        why: "what it holds for reverting does not fit the tensor")
    case .tensorMissing(let tensor, let model):
      return Explanation(
        name, place: "\(model), tensor \(tensor)",
        why: "the model has no such tensor; the patch is for another model", advice: otherForm)
    case .tensorMismatch(let tensor, let model, let expected, let found):
      return Explanation(
        name, place: "\(model), tensor \(tensor)", why: "it is \(found), the patch is for \(expected)",
        advice: otherForm)
    case .wrongBase(let tensor, let file, let expected, let found, let state):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "its digest is \(found.abbreviation)…, the patch starts from \(expected.abbreviation)…",
        advice: advice(for: state))
    case .wrongFile(let file, let expected, let found, let state):
      return Explanation(
        name, place: file,
        why: found.map { found in
          expected.map {
            "its digest is \(found.abbreviation)…, the patch starts from \($0.abbreviation)…"
          } ?? "the patch starts from a model without it"
        } ?? "the model does not have it, and the patch starts from one that does",
        advice: state == .other
          ? "--weights-only leaves the files beside the weights as they are" : advice(for: state))
    case .filesNeedFolder(let patch, let file, let model):
      return Explanation(
        name, place: model,
        why: "\(patch) also changes \(file) beside the weights, and this model is a single file",
        advice: "give the folder, or --weights-only to leave the files beside the weights as they are")
    case .fileTooLarge(let file, let byteCount, let limit):
      return Explanation(
        name, place: file,
        why:
          "it has \(Numbers.bytes(byteCount)); files beside the weights travel up to \(Numbers.bytes(limit))")
    case .lengthChanged(let file, let expected, let found):
      return Explanation(
        name, place: file,
        why:
          "it had \(Numbers.bytes(expected)) when it was opened and has \(Numbers.bytes(found)) now: something else writes to it",
        advice: "wait until the other is done, and look at the model with `errata show`")
    case .wrongResult(let tensor, let file, let tile):
      return Explanation(
        name, place: "\(file), tensor \(tensor), tile \(tile)",
        why:
          "what was computed is not what the patch promises; the model changed meanwhile, or this machine is faulty"
      )
    case .nothingToTell(let model, let record):
      return Explanation(
        name, place: model, why: "no patch is given, and there is no record of it (\(record))",
        advice: "name patches, or a folder of them: errata log \(model) PATCHES")
    case .updateNotFinite(let tensor, let index):
      return Explanation(
        name, place: "tensor \(tensor), element \(index)",
        why: "the update is infinite or not a number there",
        advice: "check keys and residuals, or use a larger ridge")
    case .factorNotFinite(let tensor, let component, let output, let input):
      let place = output.map { "output \($0)" } ?? input.map { "input \($0)" } ?? ""
      return Explanation(
        name, place: "tensor \(tensor), component \(component), \(place)",
        why: "a factor of the update is infinite or not a number there",
        advice: "check keys and residuals, or use a larger ridge")
    case .updateTooLarge(let tensor, let component):
      return Explanation(
        name, place: "tensor \(tensor), component \(component)",
        why: "the update is so large that its sums leave the range of F32",
        advice: "check keys and residuals, or use a larger ridge")
    case .resultNotFinite(let tensor, let index, let elementType):
      return Explanation(
        name, place: "tensor \(tensor), element \(index)",
        why: "with the update added, the weight becomes too large for \(elementType.rawValue)",
        advice:
          "make a smaller update: check keys and residuals, use a larger ridge, a smaller clamp or learning rate"
      )
    case .notEditable(let tensor, let elementType):
      return Explanation(
        name, place: "tensor \(tensor)",
        why:
          "its element type is \(elementType.rawValue); F64, F32, F16, BF16 and blocks with a code for each element can be edited",
        advice: elementType.blockElementCount > 1
          ? "edit the model as it was before it was quantized, and take the patch over with `errata apply --port`"
          : nil)
    case .notAMatrix(let tensor, let shape):
      return Explanation(
        name, place: "tensor \(tensor)", why: "its shape is \(Numbers.shape(shape)); a matrix is needed")
    case .factorShape(let tensor, let expected, let found):
      return Explanation(
        name, place: "tensor \(tensor)",
        why:
          "it maps \(expected[1]) inputs to \(expected[0]) outputs, keys and residuals have \(found[1]) and \(found[0])",
        advice: "if the weight is stored the other way round, say so with --orientation")
    case .roundingNotDefined(let tensor, let elementType):
      return Explanation(
        name, place: "tensor \(tensor)",
        why: "stochastic rounding is defined for F16 and BF16, its element type is \(elementType.rawValue)",
        advice: "leave --rounding out: \(elementType.rawValue) loses nothing to nearest rounding")
    case .outputIsInput(let path):
      return Explanation(
        name, place: path, why: "the output is one of the inputs",
        advice: "give -o another name; apply and revert can also change the model --in-place")
    case .outputExists(let path):
      return Explanation(
        name, place: path, why: "something of this name exists already", advice: "give -o a new name")
    case .unlistedTensor(let tensor, let file):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why:
          "the index does not list it, and the files differ in more than numbers, so they could not be written again",
        advice: "add it to the index, or compare the single files")
    case .unrelated(let tensor, let first, let second):
      return Explanation(
        name, place: "tensor \(tensor)",
        why: "\(second) neither starts from the result of \(first) nor from the same base",
        advice:
          "give patches in the order of their application; every one but the first starts where the one before ends, "
          + "or all start from one base")
    case .partOfWhole(let part, let whole, let partly):
      return Explanation(
        name, place: "tensor \(part)",
        why:
          "\(whole) changes the whole stack that it is a part of, \(partly) this part alone: one patch holds either",
        advice: "apply them one after the other, and make one patch of the two models with `errata diff`")
    case .familiesDiffer(let first, let firstFamily, let second, let secondFamily):
      return Explanation(
        name, place: second,
        why: "its family is \(secondFamily), that of \(first) is \(firstFamily): they are of different models"
      )
    case .needsModel(let tensor):
      return Explanation(
        name, place: tensor.isEmpty ? nil : "tensor \(tensor)",
        why: tensor.isEmpty
          ? "the patches change headers or files, and only the model decides the combined bytes"
          : "several patches touch it, and only the model decides the combined bytes",
        advice: "give the model before all patches with --model")
    case .siblingsNotLowRank(let tensor, let patch):
      return Explanation(
        name, place: "\(patch), tensor \(tensor)",
        why:
          "two patches of one base touch it, and this one is no plain low-rank change, so they cannot be added",
        advice: "apply one, make the other again on the result, and combine the stack")
    case .changesTensors(let file, let tensor):
      return Explanation(
        name, place: "\(file), tensor \(tensor)",
        why: "the patch adds, removes or replaces it whole, so the model cannot be run as if it were applied",
        advice: "apply the patch to a new file (-o), and ask that")
    case .needsNewFile(let patch):
      return Explanation(
        name, place: patch,
        why: "it changes headers or files, not only numbers, so the result must be a new model",
        advice: "give -o OUT instead of --in-place")
    case .damagedJournal, .unreadableJournal, .interruptedRun, .journalOfOtherOwner, .journalOfOtherFiles,
      .foreignFile,
      .foreignTile:
      return explainJournal(error, name)
    }
  }

  private static func advice(for state: ModelState) -> String {
    switch state {
    case .edited: "the patch is applied already; `errata revert` takes it back"
    case .base: "the model is the unedited one: there is nothing to revert"
    case .partial: "the model is partly applied; `errata verify` tells which tensors"
    case .other: "take the model that the patch was made from, or make a new patch for this one"
    }
  }
}
