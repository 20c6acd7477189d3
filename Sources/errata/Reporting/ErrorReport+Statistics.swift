import Editing
import ModelFiles

extension ErrorReport {
  static func explain(_ error: StatisticsError) -> Explanation {
    let name = caseName(error)
    switch error {
    case .noStatistics(let file, let weight, let weights):
      return Explanation(
        name, place: file,
        why: "it has no second moment of \(weight), but of \(weights.prefix(4).joined(separator: ", "))"
          + (weights.count > 4 ? " and \(weights.count - 4) more" : ""),
        advice: "collect it with `errata stats --layers`, or edit the layers that it has")
    case .beginCountAboveTokens(let file, let weight, let begins, let tokens):
      return Explanation(
        name, place: "\(file), \(weight)",
        why: "it counts \(begins) begin-of-text tokens among \(tokens) tokens",
        advice: "collect it again: the file is damaged")
    case .reachedCountAboveTokens(let file, let weight, let reached, let tokens):
      return Explanation(
        name, place: "\(file), \(weight)",
        why: "it counts \(reached) tokens through the expert among \(tokens)",
        advice: "collect it again: the file is damaged")
    case .unfinishedStatistics(let file, let documents):
      return Explanation(
        name, place: file, why: "it is what an interrupted collection left, of \(documents) documents",
        advice: "finish it with the same `errata stats`, or take it as it is with --partial")
    case .differentModels(let first, let firstModel, let second, let secondModel):
      return Explanation(
        name, place: "\(first) and \(second)",
        why: "they are of different models: \(firstModel) and \(secondModel)")
    case .differentWidths(let weight, let first, let firstWidth, let second, let secondWidth):
      return Explanation(
        name, place: "\(first) and \(second)",
        why: "the input of \(weight) has \(firstWidth) entries in one and \(secondWidth) in the other",
        advice: "merge statistics of one model only")
    case .tokenCountOverflow(let weight, let files):
      return Explanation(
        name, place: files.joined(separator: ", "),
        why: "the token counts of \(weight) together are beyond 64 bits")
    case .badArchive(let file, let offset, let detail):
      return Explanation(name, place: "\(file), byte \(offset)", why: detail)
    case .archiveWidth(let file, let weight, let expected, let found):
      return Explanation(
        name, place: "\(file), for \(weight)",
        why: "the archive's matrix has width \(found), the weight's input \(expected)",
        advice: "name the right weight with --weight, or take the archive of this model")
    case .noImatrix(let file, let weight, let isOfExpert):
      return Explanation(
        name, place: "\(file), \(weight)",
        why: isOfExpert
          ? "keys of experts are weighted by the router here, and not in an importance matrix"
          : "no name of it in GGUF is known",
        advice: isOfExpert ? nil : "collect statistics on the GGUF file itself")
    case .onlyDiagonal(let file):
      return Explanation(
        name, place: file, why: "it is an importance matrix, which has only the diagonals of second moments",
        advice: "merge files that `errata stats` wrote")
    }
  }
}
