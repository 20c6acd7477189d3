import Editing

extension ErrorReport {
  static func explain(_ error: PartsError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .repeatedPart(let first, let second, let whole):
      return Explanation(
        name, place: "\(first) and \(second)", why: "both have \(whole); it would count twice",
        advice: "give each part once")
    case .missingParts(let whole, let missing, let count):
      return Explanation(
        name, place: whole,
        why:
          "of its \(count) parts \(Quote.list(missing.map(String.init), 20)) \(missing.count == 1 ? "is" : "are") missing",
        advice: "give all parts, or --partial if the rest comes later")
    case .differentParts(let first, let second, let whole):
      return Explanation(
        name, place: "\(first) and \(second)", why: "they cut \(whole) into different numbers of parts",
        advice: "make all parts with the same --shard count")
    case .ofOtherWork(let first, let second):
      return Explanation(
        name, place: "\(first) and \(second)",
        why: "they are parts of different work: the facts, or what is done with them, are not the same",
        advice: "merge the parts of one run; give another run another output")
    case .noPart(let file):
      return Explanation(
        name, place: file, why: "it is no part of several",
        advice: "it can be used as it is; merge what --shard made")
    case .unfinishedPart(let file, let done):
      return Explanation(
        name, place: file, why: "it is what an interrupted run left: \(done)",
        advice: "finish it with the same command, or take it as it is with --partial")
    case .stopped(let file, let done):
      return Explanation(
        name, place: file, why: "it was told to end (SIGTERM)",
        advice: "run the same command again: it goes on from there",
        change: "What there is so far is in \(file): \(done).")
    case .stoppedEarly(let done):
      return Explanation(
        name, why: "it was told to end (SIGTERM) with \(done), and nothing to save yet",
        advice: "run the same command again: it begins anew")
    }
  }
}
