public import Floor
public import LinearAlgebra
public import Patches
public import Transformer

/// Why an edit was refused. Cases hold the values; the command writes the prose. Edits are counted from 0.
public enum EditError: Error, Equatable, Sendable {
  // MARK: Settings

  /// The method solves for one edit at a time.
  case methodTakesOneEdit(method: EditMethod, edits: Int)
  /// The method is defined by the second moment, so it cannot go without.
  case methodNeedsSecondMoment(method: EditMethod)
  /// λ must be finite and above zero.
  case invalidSecondMomentWeight(Double)
  /// ρ must be finite and not negative.
  case invalidRidge(Double)
  /// The threshold must be finite and above zero.
  case invalidNullSpaceThreshold(Double)
  /// Without a ridge the d × d system is singular.
  case primalFormNeedsRidge(method: EditMethod)

  /// The method changes one layer.
  case methodTakesOneLayer(method: EditMethod, layers: [Int])

  /// The method trains or measures one weight of a layer, which has experts.
  case methodTakesOneWeight(method: EditMethod, layer: Int, experts: Int)
  /// The experts of a layer are stacked in one tensor, of which a part cannot have another type.
  case promotesPart(tensor: String)

  // MARK: What is asked for

  /// A number that the method does not have; `file` where a recipe file gives it, and not an option.
  case settingOfAnotherMethod(RecipeSetting, method: EditMethod, file: String?)
  /// A value that a number of the recipe cannot have.
  case badSetting(RecipeSetting, value: String)
  /// An option that means nothing to the method.
  case optionOfAnotherMethod(String, method: EditMethod)
  /// An option that means nothing without another.
  case optionNeeds(String, other: String)
  /// What is asked for contradicts the patch that is gone on with.
  case otherPlan(file: String, PlanIdentity.Difference)

  /// A memory of the states of another model.
  case memoryOfOtherModel(file: String, expected: Digest, found: Digest)
  /// A memory that a second model answers for, and this is not among those given.
  case secondModelMissing(file: String, expected: Digest, given: [Digest])

  // MARK: Keys and residuals

  /// The keys file has no weight of these layers.
  case noSuchLayers([Int])
  /// There is nothing to solve for.
  case noEdits
  /// Keys and residuals are not one each per edit.
  case countsDiffer(keys: Int, residuals: Int)
  /// Keys and second moment are not of one layer.
  case widthsDiffer(keys: Int, secondMoment: Int)
  /// Earlier keys and keys are not of one layer.
  case earlierKeyWidthDiffers(keys: Int, earlierKeys: Int)
  /// A key holds an infinity or a NaN.
  case nonFiniteKey(edit: Int)
  /// An earlier key holds an infinity or a NaN.
  case nonFiniteEarlierKey(index: Int)
  /// A residual holds an infinity or a NaN.
  case nonFiniteResidual(edit: Int)
  /// A key is zero: nothing can be stored under it.
  case zeroKey(edit: Int)
  /// A residual is zero: there is nothing to store.
  case zeroResidual(edit: Int)
  /// A key vanishes in the metric: no allowed update acts on it.
  case unreachableKey(edit: Int)
  /// Two edits ask for different values under parallel keys.
  case contradictingEdits(first: Int, second: Int, cosine: Double)
  /// An edit asks for a change under a key that an earlier edit wants unchanged, and there is no ridge.
  case contradictsEarlierKey(edit: Int, earlierKey: Int, cosine: Double)

  // MARK: Facts and values

  /// Prompt and target share a token at their edge that holds part of the subject, or the target has none of its own.
  case targetNotAfterPrompt(fact: String, prompt: String, target: String)
  /// No token stands for the subject's last byte.
  case subjectHasNoToken(fact: String, subject: String)
  /// A text of a fact has a token that the network does not have.
  case promptNotForNetwork(fact: String, PromptError)
  /// A text of a fact is longer than the network has positions.
  case promptTooLong(fact: String, tokens: Int, positions: Int)
  /// The values of so many facts are what the network had before: too few steps to move them.
  case valuesNotMoved(Int, steps: Int)
  /// A contexts file is not a JSON list of texts with one `{}` each.
  case badContexts(file: String, index: Int?)
  /// An interrupted collection of another kind lies under the output's name.
  case otherPartialStatistics(file: String, key: String, expected: String, found: String)
  /// The model's feed-forwards cannot be made wider.
  case cannotWiden(String)
  /// The mean key over the contexts and the bare prompt's are nearly at right angles: the original of ROME would write a huge
  /// update.
  case keysTooDifferent(edit: Int, cosine: Double)
  /// Values in a file were found with something else; `nil` where the file does not say with what.
  case otherValues(file: String, PlanIdentity.Difference?)
  /// A note of a file is missing, or not the JSON array that it ought to be.
  case badNote(file: String, key: String, detail: String?)
  /// The model says all of the facts already.
  case nothingToEdit
  /// Training made the loss of a fact something that is no number.
  case lossNotFinite(fact: String)
  /// A weight does not hold what an edit asks for, as its own type or as the patch's factors.
  case weightCannotHold(edit: String, cause: PatchError)
  /// What is wrong with the edit of a fact.
  indirect case ofFact(String, EditError)
  /// The patch does not carry what solving again takes.
  case noStoredEdits(file: String, missing: String)
  /// A patch of a method that finds each update by itself, so there is no system that facts could join or leave.
  case methodSolvesNothing(file: String, method: EditMethod)
  /// The patch has no fact of this identifier.
  case noSuchFact(String, file: String)
  /// Two facts share one value, so one cannot go without the other.
  case sharedValue(dropped: String, kept: String)
  /// A recipe file has a key that is not known, or a value of the wrong kind.
  case badRecipe(file: String, key: String)
  /// The layers are not all in the model.
  case layersOutsideModel(layers: [Int], layerCount: Int)

  // MARK: Traces

  /// Something in a trace file is missing, or not what it ought to be.
  case badTrace(file: String, what: String)
  /// A trace file was made with other settings or another model.
  case otherTrace(file: String, PlanIdentity.Difference)
  /// A trace is of a model with another number of layers.
  case traceOfOtherModel(file: String, layers: Int, model: Int)
  /// A trace is one part of several, where a whole is asked for.
  case partOfTrace(file: String, part: Int, count: Int)
  /// A trace says nothing of where to edit: feed-forwards were not traced, or no fact was known.
  case traceChoosesNothing(file: String)

  // MARK: Neurons

  /// A method trains against ordinary text, and there is none.
  case methodNeedsText(method: EditMethod)
  /// A method applies a trained editor, and there is none.
  case methodNeedsEditor(method: EditMethod)
  /// A file is no trained editor.
  case badEditor(file: String, what: String)
  /// An editor is of a kind that another method applies.
  case editorOfOtherMethod(file: String, kind: EditorKind, method: String)
  /// An editor was trained for another model.
  case editorOfOtherModel(file: String, found: String, wanted: String)
  /// An editor changes other layers than are asked for.
  case editorOfOtherLayers(file: String, layers: [Int], wanted: [Int])
  /// Another editor is being trained under the output's name.
  case otherEditor(file: String, PlanIdentity.Difference)
  /// Too few records have a neighbor to be trained with.
  case tooFewToTrain(usable: Int)
  /// More neurons are asked for than a layer has idle places.
  case noRoomForNeurons(layer: Int, wanted: Int, room: Int)

  // MARK: Second moment

  /// Another run has written statistics under the output's name meanwhile.
  case outputOfAnotherRun(file: String)
  /// The keys of a text are no numbers.
  case nonFiniteKeySum(weight: String, input: Int)

  /// What a file says of the inputs of a weight is no second moment, or not that of its keys.
  indirect case ofStatistics(file: String, weight: String, EditError)
  /// The sum is not a square matrix.
  case secondMomentNotSquare(rows: Int, columns: Int)
  /// The sum holds an infinity or a NaN.
  case nonFiniteSecondMoment(row: Int, column: Int)
  /// The sum differs from its transpose, relative to √(C_ii C_jj).
  case secondMomentNotSymmetric(row: Int, column: Int, relativeDifference: Double)
  /// A sum of squares is negative.
  case negativeSecondMoment(index: Int, value: Double)
  /// The text, or the part of it that is asked for, has no documents.
  case emptyCorpus(files: [String])
  /// A mean needs at least one token.
  case noTokens(tokenCount: Int)
  /// No jitter of the ladder made the second moment invertible.
  case secondMomentUnusable(tokenCount: Int, width: Int, largestJitter: Double)
  /// The share of a key's energy that lies on units which were never active in the statistics.
  case statisticsDoNotFitKeys(edit: Int, share: Double)
  /// No eigenvalue is small enough to count as zero.
  case emptyNullSpace(threshold: NullSpaceThreshold, smallestEigenvalue: Double)
  /// The eigenvalues of the second moment did not converge.
  case eigenvaluesNotFound(LinearAlgebraError)
}

extension EditError {
  /// The edit that it is about, where it is one.
  private var edit: Int? {
    switch self {
    case .nonFiniteKey(let edit), .nonFiniteResidual(let edit), .zeroKey(let edit), .zeroResidual(let edit),
      .unreachableKey(let edit), .keysTooDifferent(let edit, _), .statisticsDoNotFitKeys(let edit, _):
      edit
    default: nil
    }
  }

  /// With the name of its edit, where the edits have names.
  func naming(_ names: [String]) -> EditError {
    guard let edit, names.indices.contains(edit) else { return self }
    return .ofFact(names[edit], self)
  }
}
