import Editing
import Floor
import LinearAlgebra
import ModelFiles
import Patches

extension EditReportCard {
  /// What the user should know, in sentences.
  var warnings: [String] {
    swallowed.map { weight in
      "rounding swallows part of the edit of \(weight.name): only \(Numbers.percent(weight.retention)) of its effect on "
        + "its own keys is kept. Use --rounding stochastic, a larger update, or a model stored as F16 or F32."
    }
      + weights.flatMap { weight in
        (weight.solution?.warnings ?? []).map { "\(weight.name): \(EditReportCard.words(for: $0))" }
      }
      + weights.filter { !($0.metricJitter <= 0) }.map {
        "\($0.name): the second moment is nearly singular; jitter \($0.metricJitter) was added. More tokens would help."
      }
  }

  private static func words(for warning: UpdateWarning) -> String {
    func cosine(_ value: Double) -> String { Numbers.significant(value, 6) }
    switch warning {
    case .deadUnits(let count):
      return "\(Numbers.count(count, "input")) never active in the statistics; the update leaves them alone."
    case .rareExpert(let reached, let width):
      return
        "only \(Numbers.count(reached, "token")) of the statistics went through this expert, whose keys are \(width) long; collect more text."
    case .earlierKeysIgnored(let count):
      return "the method does not use earlier keys; \(count) were ignored."
    case .repeatedEdit(let first, let second):
      return "edit \(second + 1) repeats edit \(first + 1) and was left out of the solve."
    case .duplicateKeys(let first, let second, let value):
      return
        "edits \(first + 1) and \(second + 1) have one key (cosine \(cosine(value))): each is written at about half strength."
    case .nearParallelKeys(let first, let second, let value):
      return "the keys of edits \(first + 1) and \(second + 1) are nearly parallel (cosine \(cosine(value)))."
    case .parallelToEarlierKey(let edit, let earlier, let value):
      return
        "the key of edit \(edit + 1) is nearly parallel to earlier key \(earlier + 1) (cosine \(cosine(value)))."
    case .rankDeficient(let rank, let keys):
      return "\(keys) keys span only \(rank) directions; solved in least squares."
    }
  }

  /// The object of `solve --json`.
  func json(path: String) -> JSONValue {
    let object: JSONValue = [
      "patch": .string(path),
      "digest": patch.map { .string($0.digest.hexadecimal) } ?? .null,
      "bytes": patch.map { .integer($0.byteCount) } ?? .null,
      "method": .string(settings.method.name),
      "recipe": .object(settings.json),
      "tensors": .array(
        weights.map { weight in
          .object(
            [
              .init("name", .string(weight.name)),
              .init("rank", weight.solution.map { .integer($0.factors.rank) } ?? .null),
            ]
              + (weight.measuredJSON.members ?? [])
              + [
                .init(
                  "seconds",
                  .object(WeightPhase.allCases.map { .init($0.rawValue, .number(weight.seconds[$0] ?? 0)) })
                )
              ])
        }),
      "facts": .array(factsJSON),
      "warnings": .array(warnings.map { .string($0) }),
    ]
    return .object((object.members ?? []) + (cost.map { [.init("cost", $0.json)] } ?? []))
  }
}
