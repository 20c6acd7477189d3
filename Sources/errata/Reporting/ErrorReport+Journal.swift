import ModelFiles
import Patches

extension ErrorReport {
  private static let discarding =
    "`errata verify PATCH MODEL` says what the model is; if it is as it should be, `errata recover MODEL --discard` "
    + "removes the journal"

  /// Journals of interrupted runs, and what leads on from each.
  static func explainJournal(_ error: PatchError, _ name: String) -> Explanation {
    switch error {
    case .damagedJournal(let path, let detail):
      Explanation(
        name, place: path, why: "the journal of an interrupted run is damaged: \(detail)", advice: discarding)
    case .unreadableJournal(let path, let cause):
      Explanation(
        name, place: path, why: "the journal of an interrupted run cannot be read: \(explain(cause).why)",
        advice: "let its owner run `errata recover` on the model")
    case .interruptedRun(let journal, let model):
      Explanation(
        name, place: journal,
        why: "an in-place run on this model was cut off; some of it may be changed already",
        advice: "`errata recover \(model)` completes the run, with --roll-back undoes it")
    case .journalOfOtherOwner(let journal, let owner):
      Explanation(
        name, place: journal, why: "user \(owner) wrote it, who neither owns the model nor runs this command",
        advice: "let that user run `errata recover`; or " + discarding)
    case .journalOfOtherFiles(let journal):
      Explanation(
        name, place: journal,
        why:
          "an in-place run was cut off, on other files than those that have the names now: copies, or replaced since",
        advice: "`errata recover MODEL` completes the run if they are copies; or " + discarding)
    case .foreignFile(let journal, let file):
      Explanation(
        name, place: file,
        why: "it is neither as before the run of \(journal) nor as after it: it was changed since",
        advice: discarding)
    case .foreignTile(let journal, let file, let tensor, let tile):
      Explanation(
        name, place: "\(file), tensor \(tensor)" + (tile.map { ", tile \($0)" } ?? ""),
        why:
          "it is neither as before the run of \(journal), nor as after it, nor between the two: the file was replaced "
          + "or changed since",
        advice: discarding)
    default: Explanation(name, why: "\(error)")
    }
  }

  static func explain(_ failure: InPlaceFailure) -> Explanation {
    var explanation = explain(failure.cause)
    switch failure.aftermath {
    case .betweenStates(let journal):
      explanation.advice = "mend what is wrong, then `errata recover MODEL`"
      explanation.change =
        "The model stands between two states; \(journal) holds what is needed to complete or undo the run."
    case .journalStays(let journal):
      explanation.advice = "remove \(journal), or let `errata recover MODEL --discard` do it"
      explanation.change = "The model is whole, but the run's journal could be neither closed nor removed."
    }
    return explanation
  }

  /// A failure beside a result that is whole, in a sentence.
  static func explain(_ warning: FileLedger.Warning) -> String {
    let why = explain(warning.cause).why
    return switch warning.kind {
    case .nameNotSynchronized:
      "\(warning.file) is whole, but its folder could not be written to the disk (\(why)): after a power cut the name may be missing."
    case .journalStays:
      "the run is over, but its journal \(warning.file) could not be removed (\(why)); remove it."
    case .temporaryStays: "the temporary file \(warning.file) could not be removed (\(why)); remove it."
    }
  }

  /// What a file is among others: shared, linked, in use.
  static func standingReason(_ reason: ModelFileError.Reason) -> (why: String, advice: String?) {
    switch reason {
    case .cutWhileMapped:
      ("the file was cut short while it was in use", "find out who writes to it, and get it again")
    case .beingWritten: ("another errata run is writing it", "wait for it to end, or give another name")
    case .hardLinked(let count):
      (
        "the file has \(count) names (hard links); changing it in place would change it under all of them",
        "write a new model with -o"
      )
    case .inHubCache:
      (
        "it is in the cache of the Hugging Face hub, which serves it to everyone under the digest of its bytes",
        "write a new model with -o"
      )
    case .outputIsLink(let destination):
      (
        "it is a symbolic link to \(Quote.plain(destination)); an output takes the place of a name, and would cut the link",
        "name what it leads to, or remove the link"
      )
    case .notOrdinary(let kind):
      (
        "it is a \(kind.rawValue); an output takes the place of an ordinary file, or of nothing",
        "give another name"
      )
    case .notReadAtPlaces(let kind):
      (
        "it is a \(kind.rawValue), and files are read at places, which it does not have",
        "put what comes from it into a file, and name that"
      )
    default: ("\(reason)", nil)
    }
  }
}
