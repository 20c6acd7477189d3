public import Floor
public import ModelFiles

/// Why a patch is refused, or why it does not fit the model.
///
/// Cases up to `choicesMismatch` carry the names that `Formats/patch.md` gives them.
public enum PatchError: Error, Equatable, Sendable {
  // The file
  /// The magic bytes are others.
  case notAPatch(file: String, found: FileContent)
  /// A version this reader does not know.
  case unknownVersion(file: String, found: UInt32, known: UInt32)
  /// A critical feature bit this reader does not know.
  case unknownFeature(file: String, bits: UInt32)
  /// The manifest is longer than allowed.
  case manifestTooLarge(file: String, length: UInt64, limit: UInt64)
  /// More blocks than allowed.
  case tooManyBlocks(file: String, count: UInt64, limit: UInt64)
  /// The file has another length than its parts add up to.
  case wrongLength(file: String, expected: UInt64, found: UInt64)
  /// Header, manifest or block table are not what the digest names.
  case patchDigest(file: String, expected: Digest, found: Digest)
  /// A block is larger than allowed.
  case blockTooLarge(file: String, block: Int)
  /// A block coding this reader does not know.
  case unknownCoding(file: String, block: Int, coding: UInt32)
  /// A block's bytes are not what its digest names.
  case blockDigest(file: String, block: Int, byteOffset: Int)
  /// A block does not decode to its declared length.
  case blockDecoding(file: String, block: Int)
  /// A field of the manifest is missing or malformed.
  case badManifest(file: String, field: String)
  /// The manifest is not JSON.
  case manifestSyntax(file: String, JSONError)
  /// A kind of change, orientation, factor type or rounding this reader does not know.
  case unknownChange(file: String, field: String, value: String)
  /// A tensor's blocks are not those its shape asks for.
  case badBlockRange(file: String, tensor: String, field: String)
  /// The leaves do not give the tensor digests of the manifest.
  case leafDigest(file: String, tensor: String)
  /// What is stored of a file beside the weights does not give its digests.
  case fileDigest(file: String, name: String)
  /// A factor or scale is not a finite number.
  case notFinite(file: String, tensor: String)
  /// A number of a memory points nowhere, or a fact of it is no fact.
  case badMemory(file: String, array: String)
  /// The stored choices do not belong to this edited tensor.
  case choicesMismatch(file: String, tensor: String, tile: Int)

  // Patch and model
  /// The model has no such tensor.
  case tensorMissing(tensor: String, model: String)
  /// The tensor has another element type or shape.
  case tensorMismatch(tensor: String, model: String, expected: String, found: String)
  /// A tensor's bytes are not those the patch starts from.
  case wrongBase(tensor: String, file: String, expected: Digest, found: Digest, state: ModelState)
  /// A file beside the weights is not the one that the patch starts from; `nil` where there is none.
  case wrongFile(file: String, expected: Digest?, found: Digest?, state: ModelState)
  /// The patch changes files beside the weights, and the model is given as a single file.
  case filesNeedFolder(patch: String, file: String, model: String)
  /// A file of the model has another length than when it was opened.
  case lengthChanged(file: String, expected: Int, found: Int)
  /// What was computed is not what the patch promises.
  case wrongResult(tensor: String, file: String, tile: Int)

  /// Neither patches are given nor has the model a record.
  case nothingToTell(model: String, record: String)

  // Making a patch
  /// A change that was given element by element is infinite or NaN there.
  case updateNotFinite(tensor: String, index: Int)
  /// A factor of an update is infinite or NaN: of a component, at an output (left) or an input (right).
  case factorNotFinite(tensor: String, component: Int, output: Int?, input: Int?)
  /// An update whose factors are finite, but so large from this component on that their sums could overflow.
  case updateTooLarge(tensor: String, component: Int)
  /// Added and rounded to the element type, a finite weight would become infinite or NaN.
  case resultNotFinite(tensor: String, index: Int, elementType: ElementType)
  /// The tensor's element type cannot be edited.
  case notEditable(tensor: String, elementType: ElementType)
  /// The tensor is not a matrix.
  case notAMatrix(tensor: String, shape: [Int])
  /// The factors have other widths than the tensor.
  case factorShape(tensor: String, expected: [Int], found: [Int])
  /// Stochastic rounding was asked for a type that has only nearest.
  case roundingNotDefined(tensor: String, elementType: ElementType)

  /// A file of the model holds a tensor that its index does not list, so no patch could write that file again.
  case unlistedTensor(tensor: String, file: String)

  /// A file beside the weights is longer than a patch carries.
  case fileTooLarge(file: String, byteCount: Int, limit: Int)

  // Combining patches
  /// Two patches of one tensor neither follow each other nor start from one base.
  case unrelated(tensor: String, first: String, second: String)
  /// One patch changes a stack of matrices whole, another one of its parts.
  case partOfWhole(part: String, whole: String, partly: String)
  /// Where two patches touch one tensor, the model decides the bytes.
  case needsModel(tensor: String)
  /// Two patches say that they are of models of different families.
  case familiesDiffer(first: String, firstFamily: String, second: String, secondFamily: String)
  /// A patch of a stack has a memory.
  case memoryInStack(patch: String)
  /// Two memories hold states of different models.
  case memoriesOfDifferentModels(patch: String)
  /// A fact of this patch's memory takes the place of one that was trained together with others.
  case tornMemory(patch: String)
  /// There is nothing to apply or revert: the patch leaves the weights alone.
  case onlyMemory(patch: String)
  /// Only low-rank changes of one base can be added.
  case siblingsNotLowRank(tensor: String, patch: String)

  // Outputs and in-place runs
  /// The output is the input.
  case outputIsInput(path: String)
  /// Something that must not be replaced has the output's name.
  case outputExists(path: String)
  /// Tensors come, go or change type: the model cannot be run as if the patch were applied.
  case changesTensors(file: String, tensor: String)
  /// Headers or files change too: the result cannot be written over the model.
  case needsNewFile(patch: String)
  /// The journal of an interrupted run cannot be read.
  case damagedJournal(path: String, detail: String)
  /// The journal of an interrupted run cannot be opened.
  case unreadableJournal(path: String, ModelFileError)
  /// An earlier in-place run was cut off, and must be completed or undone first.
  case interruptedRun(journal: String, model: String)
  /// The journal was written by somebody who neither runs this nor owns the model.
  case journalOfOtherOwner(journal: String, owner: UInt32)
  /// The files are not those that the interrupted run was on.
  case journalOfOtherFiles(journal: String)
  /// A file beside the weights is neither as before the interrupted run nor as after it.
  case foreignFile(journal: String, file: String)
  /// A file is not what the interrupted run left: a tile, or where there is none the tensor's form, is of something else.
  case foreignTile(journal: String, file: String, tensor: String, tile: Int?)
}

/// What a model is, seen from a patch.
public enum ModelState: String, Sendable {
  /// Every touched tensor is as the patch found it.
  case base
  /// Every touched tensor is as the patch leaves it.
  case edited
  /// Each tile is one or the other, but not all are the same.
  case partial
  /// Something else.
  case other
}
