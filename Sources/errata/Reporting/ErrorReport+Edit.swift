import Floor
import Editing

extension ErrorReport {
  static func explain(_ error: EditError) -> Explanation {
    let name = caseName(error)
    func edit(_ number: Int) -> String { "edit \(number + 1)" }
    func answer(_ why: String, place: String? = nil, advice: String? = nil) -> Explanation {
      Explanation(name, place: place, why: why, advice: advice)
    }
    let moreTokens = "collect the second moment over more text"
    switch error {
    case .methodTakesOneEdit(let method, let edits):
      return answer(
        "\(method.name) takes one edit, the keys file has \(edits)",
        advice: "use emmet or memit, or keys of one edit")
    case .methodTakesOneLayer(let method, let layers):
      return answer(
        "\(method.name) changes one layer, not \(layers.count)", advice: "give --layers one number")
    case .methodTakesOneWeight(let method, let layer, let experts):
      return answer(
        "\(method.name) changes one weight of a layer, and layer \(layer) has \(experts) experts",
        advice: "use memit, emmet, rome, pmet or alphaedit, which change all experts that a fact goes through"
      )
    case .promotesPart(let tensor):
      return Explanation(
        name, place: "tensor \(tensor)",
        why:
          "it holds all experts of its layer, and a part cannot have another type than the rest",
        advice: "leave --promote out, or say --promote keep")
    case .methodNeedsSecondMoment(let method):
      return answer(
        "\(method.name) needs a second moment",
        advice: "give --statistics FILE, which `errata stats` makes of text")
    case .methodNeedsText(let method):
      return answer(
        "\(method.name) trains neurons to be quiet on ordinary text, and there is none",
        advice: "give --corpus FILE with text as the model usually meets it; a few thousand words do")
    case .methodNeedsEditor(let method):
      return answer(
        "\(method.name) applies an editor that was trained for the model, and there is none",
        advice: "give --editor FILE, which `errata train` makes")
    case .badEditor(let file, let what):
      return Explanation(
        name, place: file, why: what,
        advice: "`errata train` makes one, and goes on with one that was cut off")
    case .editorOfOtherMethod(let file, let kind, let method):
      return Explanation(
        name, place: file, why: "it is a trained \(kind), which \(method) does not apply",
        advice: "take --method \(kind.methodName), or one that `errata train` makes for \(method)")
    case .editorOfOtherModel(let file, let found, let wanted):
      return Explanation(
        name, place: file,
        why: "it was trained for the model \(found.prefix(12))…, and this one is \(wanted.prefix(12))…",
        advice: "train one for this model: an editor knows the gradients of its own alone")
    case .editorOfOtherLayers(let file, let layers, let wanted):
      return Explanation(
        name, place: file,
        why:
          "it changes layers \(layers.map(String.init).joined(separator: ", ")), and \(wanted.map(String.init).joined(separator: ", ")) are asked for",
        advice: "leave --layers out")
    case .otherEditor(let file, let difference):
      return Explanation(
        name, place: file,
        why:
          "another editor is being trained there: its \(difference.key) is \(difference.found), here \(difference.wanted)",
        advice: "give another name to -o, or remove the file")
    case .tooFewToTrain(let usable):
      return answer(
        "\(usable) records have a prompt, an answer and a neighbor; training needs some to hold out and at least two more",
        advice: "give a data set with neighborhood prompts, as CounterFact has")
    case .cannotWiden(let why):
      return answer(
        "its layers cannot be made wider: \(why)",
        advice: "go without --widen: neurons then stand in idle places")
    case .noRoomForNeurons(let layer, let wanted, let room):
      return answer(
        "these facts ask for \(wanted) neurons, and of layer \(layer) no more than \(room) are overwritten, a quarter",
        advice: "give fewer facts at once, or take memit")
    case .invalidSecondMomentWeight(let value):
      return answer("the second-moment weight must be above zero, it is \(value)")
    case .invalidRidge(let value): return answer("the ridge must not be negative, it is \(value)")
    case .invalidNullSpaceThreshold(let value):
      return answer("the null-space threshold must be above zero, it is \(value)")
    case .primalFormNeedsRidge(let method):
      return answer("\(method.name) without a ridge has only the dual form")
    case .settingOfAnotherMethod(let setting, _, let file):
      return Explanation(
        name, place: file.map { "\($0), key \(setting.rawValue)" },
        why: sentence(error),
        advice: file == nil ? "leave it out" : "a recipe holds the numbers of one method")
    case .badSetting(let setting, let value):
      return answer("\(setting.option ?? setting.rawValue) does not take \(value)")
    case .optionOfAnotherMethod, .optionNeeds:
      return answer(sentence(error), advice: "leave it out")
    case .otherPlan(let file, let difference):
      return Explanation(
        name, place: file,
        why:
          "its \(difference.key) is \(shown(difference.found)), asked for is \(shown(difference.wanted)); its values are good for its own only",
        advice: "leave the option out, or edit all facts anew without --onto")
    case .memoryOfOtherModel(let file, let expected, let found):
      return Explanation(
        name, place: file,
        why:
          "it holds states of the model with digest \(expected.abbreviation)…, this one's is \(found.abbreviation)…",
        advice:
          "give the model that it was made for, or make it anew from its facts (`errata show --json` has them)"
      )
    case .secondModelMissing(let file, let expected, let given):
      return Explanation(
        name, place: file,
        why: "a second model answers for its facts, the one with digest \(expected.abbreviation)…, "
          + (given.isEmpty
            ? "and none is given"
            : "given is \(given.map { $0.abbreviation + "…" }.joined(separator: ", "))"),
        advice:
          "give it with --counterfactual MODEL, or make the memory anew from its facts with the model that you have (`errata show --json` has them)"
      )
    case .noSuchLayers(let layers):
      return answer(
        "the keys file has no down-projection of layers \(layers.map(String.init).joined(separator: ", "))",
        advice: "look at its weights with `errata show`")
    case .noEdits: return answer("there are no edits")
    case .countsDiffer(let keys, let residuals):
      return answer("there are \(keys) keys and \(residuals) residuals")
    case .widthsDiffer(let keys, let moment):
      return answer(
        "keys have \(keys) entries, the second moment \(moment)",
        advice: "take the statistics of this layer and model")
    case .earlierKeyWidthDiffers(let keys, let earlier):
      return answer("keys have \(keys) entries, earlier keys \(earlier)")
    case .nonFiniteKey(let number): return answer("its key is not finite", place: edit(number))
    case .nonFiniteEarlierKey(let number):
      return answer("it is not finite", place: "earlier key \(number + 1)")
    case .nonFiniteResidual(let number): return answer("its residual is not finite", place: edit(number))
    case .zeroKey(let number):
      return answer("its key is zero: nothing can be stored under it", place: edit(number))
    case .zeroResidual(let number):
      return answer("its residual is zero: there is nothing to store", place: edit(number))
    case .unreachableKey(let number):
      return answer(
        "no allowed update acts on its key", place: edit(number), advice: "use a larger null-space threshold")
    case .contradictingEdits(let first, let second, let cosine):
      return answer(
        "their keys are parallel (cosine \(Numbers.significant(cosine, 10))) and their values differ: both cannot be stored",
        place: "edits \(first + 1) and \(second + 1)",
        advice: "drop one, give both one joint value, or use a ridge (memit, or --ridge)")
    case .contradictsEarlierKey(let number, let earlier, let cosine):
      return answer(
        "its key is parallel to an earlier one (cosine \(Numbers.significant(cosine, 10))), which must stay as it is",
        place: "\(edit(number)), earlier key \(earlier + 1)",
        advice: "use a ridge, or replace the earlier edit")
    case .targetNotAfterPrompt(let fact, let prompt, let target):
      return Explanation(
        name, place: "fact \(fact)",
        why: "the tokens of “\(prompt) \(target)” do not tell the target from the subject",
        advice: "end the prompt with a word after the subject, or give a longer target")
    case .promptNotForNetwork(let fact, let error):
      var explanation = explain(error)
      explanation.place = "fact \(fact)"
      return explanation
    case .promptTooLong(let fact, let tokens, let positions):
      return Explanation(
        name, place: "fact \(fact)",
        why: "its text has \(tokens) tokens, the model has \(positions) positions",
        advice: "shorten it, or leave it out with --skip-bad")
    case .valuesNotMoved(let count, let steps):
      return Explanation(
        name,
        why:
          "no value was moved in \(Numbers.count(steps, "step")): the last one only looks at the loss, and the model does not say "
          + "\(Numbers.count(count, "fact")) yet",
        advice: "give more --steps")
    case .subjectHasNoToken(let fact, let subject):
      return Explanation(
        name, place: "fact \(fact)", why: "no token stands for the end of the subject “\(subject)”")
    case .badContexts(let file, let index):
      return Explanation(
        name, place: index.map { "\(file), element \($0 + 1)" } ?? file,
        why: "contexts are a JSON list of texts with one {} each",
        advice: "for example [\"The weather is fine. {}\"]")
    case .otherPartialStatistics(let file, let key, let expected, let found):
      return Explanation(
        name, place: file,
        why: "it is the beginning of other statistics: \(key) is “\(found)”, asked for is “\(expected)”",
        advice: "give the same arguments to go on with it, or another output, or remove it")
    case .keysTooDifferent(let number, let cosine):
      return answer(
        "its key over the contexts and that of the bare prompt have cosine \(Numbers.significant(cosine, 3)) only: the original of ROME divides by it",
        place: edit(number), advice: "go without --rome-compat")
    case .otherValues(let file, let difference):
      return Explanation(
        name, place: file,
        why: difference.map {
          "its values were found with something else: \($0.key) is \(shown($0.found)), asked for is \(shown($0.wanted))"
        } ?? "it does not say what its values were found with",
        advice: "give the options it was made with, or leave it out")
    case .badNote(let file, let key, let detail):
      return Explanation(
        name, place: "\(file), note \(key)",
        why: detail.map { "it must be a JSON array: \($0)" } ?? "it is missing",
        advice: "the file is damaged, or was written by something else; see Formats/")
    case .lossNotFinite(let fact):
      return Explanation(
        name, place: "fact \(fact)", why: "its loss is not a number",
        advice: "training diverges: give a smaller --learning-rate")
    case .weightCannotHold(let edit, let cause):
      let reason = explain(cause)
      return Explanation(
        reason.name, place: [reason.place, edit].compactMap { $0 }.joined(separator: ", "), why: reason.why,
        advice: reason.advice ?? "of all edits this one asks for most: leave it out, or bound it")
    case .ofFact(let fact, let inner):
      var reason = explain(inner)
      reason.place = "fact \(fact)"
      return reason
    case .outputOfAnotherRun(let file):
      return Explanation(
        name, place: file, why: "another run has written to it meanwhile; what stands there is that run's",
        advice: "give each run an output of its own")
    case .nonFiniteKeySum(let weight, let input):
      return Explanation(
        name, place: "the inputs of \(weight), entry \(input)",
        why: "the model's keys are not finite numbers",
        advice: "the model is damaged, or its weights are too large for Float; look at it with `errata ask`")
    case .nothingToEdit:
      return Explanation(
        name, why: "the model says all of these facts already", advice: "look with `errata ask`")
    case .methodSolvesNothing(let file, let method):
      return Explanation(
        name, place: file,
        why:
          "it was made by \(method.name), which finds every update by itself: there is no system of keys that facts could be solved for with, or left out of",
        advice:
          "to add facts, edit the model that it was applied to, and `errata combine` both patches; to take one out, revert and edit without it"
      )
    case .noStoredEdits(let file, let missing):
      return Explanation(
        name, place: file, why: "it does not carry what solving again takes (\(missing))",
        advice: "only patches made by `errata edit` without --no-resolve and --sequence accumulate do")
    case .noSuchFact(let identifier, let file):
      return Explanation(
        name, place: file, why: "it has no fact \(identifier)",
        advice: "`errata show --json` lists their identifiers")
    case .sharedValue(let dropped, let kept):
      return Explanation(
        name, place: "fact \(dropped)", why: "it shares its value with fact \(kept), which would stay",
        advice: "drop both, and edit the other again with --onto")
    case .badRecipe(let file, let key):
      return Explanation(
        name, place: key.isEmpty ? file : "\(file), key \(Quote.plain(key))",
        why: "it is not one of a recipe's, or its value is of the wrong kind",
        advice: isPublished(key)
          ? publishedRecipe : "a recipe looks like the `recipe` of `errata show PATCH --json`")
    case .badTrace(let file, let what):
      return Explanation(
        name, place: "\(file), \(what)", why: "it is missing, or not what a trace has there",
        advice: "give a file that `errata trace -o` wrote")
    case .otherTrace(let file, let difference):
      return Explanation(
        name, place: file,
        why:
          "it is a trace with another \(difference.key): \(shown(difference.found)), asked for is \(shown(difference.wanted))",
        advice: "give the same arguments to go on with it, or another output, or remove it")
    case .traceOfOtherModel(let file, let layers, let model):
      return Explanation(
        name, place: file, why: "it is of a model with \(layers) layers, this one has \(model)",
        advice: "trace this model: `errata trace`")
    case .partOfTrace(let file, let part, let count):
      return Explanation(
        name, place: file, why: "it has part \(part) of \(count) of a tracing",
        advice: "put the parts together with `errata trace merge`, and name what it writes")
    case .traceChoosesNothing(let file):
      return Explanation(
        name, place: file,
        why: "it says nothing of where to edit: feed-forwards were not traced, or no fact was known",
        advice: "trace facts that the model knows, with mlp among --kinds")
    case .layersOutsideModel(let layers, let count):
      return Explanation(
        name,
        why:
          "layers \(layers.map(String.init).joined(separator: ", ")) are asked for, the model has 0 to \(count - 1)",
        advice: "give --layers")
    case .ofStatistics(let file, let weight, let inner):
      var reason = explain(inner)
      reason.place = "\(file), of the inputs of \(weight)"
      return reason
    case .secondMomentNotSquare(let rows, let columns):
      return answer("the second moment is \(rows) × \(columns)")
    case .nonFiniteSecondMoment(let row, let column):
      return answer("the second moment is not finite at row \(row), column \(column)")
    case .secondMomentNotSymmetric(let row, let column, let difference):
      return answer(
        "the second moment differs from its transpose by \(Numbers.percent(difference)) at row \(row), column \(column)",
        advice: "collect it again: the file is damaged")
    case .negativeSecondMoment(let index, let value):
      return answer(
        "the mean square of input \(index) is \(value), below zero",
        advice: "collect it again: the file is damaged")
    case .emptyCorpus(let files):
      return Explanation(
        name, place: files.joined(separator: ", "),
        why: "there is no text in it, or none in the part asked for",
        advice: "name a file with one document a line")
    case .noTokens(let count): return answer("the second moment counts \(count) tokens")
    case .secondMomentUnusable(let tokens, let width, let jitter):
      return answer(
        "the second moment over \(tokens) tokens at width \(width) cannot be inverted, even with jitter \(jitter)",
        advice: "\(moreTokens), or go without: --no-second-moment")
    case .statisticsDoNotFitKeys(let number, let share):
      return answer(
        "\(Numbers.percent(share)) of its key lies on inputs that were never active in the statistics",
        place: edit(number),
        advice: "the statistics are of another model or of too little text; \(moreTokens)")
    case .emptyNullSpace(let threshold, let smallest):
      return answer(
        "no eigenvalue of the second moment counts as zero under \(words(for: threshold)); the smallest is "
          + Numbers.significant(smallest, 3),
        advice: "use a larger --null-space-threshold or --null-space-share")
    case .eigenvaluesNotFound(let cause):
      return answer("the eigenvalues of the second moment were not found: \(explain(cause).why)")
    }
  }

  /// What hyperparameters of memit and EasyEdit are called in a recipe.
  private static let publishedNames = [
    ("v_num_grad_steps", "steps"), ("v_lr", "learningRate"), ("kl_factor", "divergenceWeight"),
    ("v_weight_decay", "weightDecay"), ("clamp_norm_factor", "clamp"),
    ("mom2_update_weight", "secondMomentWeight"), ("mom2_adjustment", "usesSecondMoment"),
    ("nullspace_threshold", "nullSpaceThreshold"), ("L2", "ridge"),
  ]

  static var publishedRecipe: String {
    "hyperparameters of memit and EasyEdit are called so: layers; "
      + publishedNames.map { "\($0) is \($1)" }.joined(separator: ", ")
      + "; leave the others out, and write JSON"
  }

  /// Whether a key is one of those hyperparameters.
  private static func isPublished(_ key: String) -> Bool {
    publishedNames.contains { $0.0 == key }
      || [
        "alg_name", "model_name", "stats_dir", "device", "layer_selection", "fact_token", "v_loss_layer",
        "context_template_length_params", "model_parallel", "batch_size", "max_length", "fp16", "P_loc",
      ].contains(key) || ["mom2_", "_module_tmp", "_module"].contains { key.contains($0) }
  }

  /// What does not go together, in a sentence.
  static func sentence(_ error: EditError) -> String {
    switch error {
    case .settingOfAnotherMethod(let setting, let method, _):
      "\(method.name) has no \(setting.option ?? setting.rawValue)"
    case .optionOfAnotherMethod(let option, let method): "\(option) does not apply to \(method.name)"
    case .optionNeeds(let option, let other): "\(option) is for \(other)"
    default: explain(error).why
    }
  }

  /// A value of a plan, at a length that can be read.
  private static func shown(_ value: String) -> String {
    value.isEmpty ? "nothing" : value.count > 60 ? "“\(value.prefix(57))…”" : value
  }

  private static func words(for threshold: NullSpaceThreshold) -> String {
    switch threshold {
    case .absolute(let value): Numbers.significant(value, 3)
    case .relative(let share): "a share of \(Numbers.significant(share, 3)) of the trace"
    }
  }
}
