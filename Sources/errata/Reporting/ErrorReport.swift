import Editing
import Evaluation
import LinearAlgebra
import ModelFiles
import Patches
import Transformer

/// The only place that turns errors into prose.
enum ErrorReport {
  /// An error in words.
  struct Explanation {
    /// The error case, for scripts.
    var name: String
    /// File, then tensor or byte.
    var place: String?
    /// The reason, with the numbers that disagree.
    var why: String
    /// What would help, where something would.
    var advice: String?
    /// What was changed, when it is not nothing.
    var change: String?

    init(_ name: String, place: String? = nil, why: String, advice: String? = nil, change: String? = nil) {
      self.name = name
      self.place = place.map(Explanation.bounded)
      self.why = Explanation.bounded(why)
      self.advice = advice.map(Explanation.bounded)
      self.change = change
    }

    /// Whatever a file holds, a message has a few lines: values are quoted in short where they are put in, and this is the net below.
    private static func bounded(_ text: String) -> String { Quote.plain(text, limit: 1200) }
  }

  static func explain(_ error: any Error) -> Explanation {
    switch error {
    case let error as ModelFileError: explain(error)
    case let error as PatchError: explain(error)
    case let error as SignatureError: explain(error)
    case let error as ModelSignatureError: explain(error)
    case let error as InPlaceFailure: explain(error)
    case let error as OutputError: error.explanation
    case let error as TryError: error.explanation
    case let error as InterruptedWork: error.explanation
    case let error as PortError: explain(error)
    case let error as EditError: explain(error)
    case let error as StatisticsError: explain(error)
    case let error as PartsError: explain(error)
    case let error as FactsError: explain(error)
    case let error as BadRecords: explain(error)
    case let error as LinearAlgebraError: explain(error)
    case let error as ConfigurationError: explain(error)
    case let error as NetworkError: explain(error)
    case let error as TokenizerError: explain(error)
    case let error as AskError: explain(error)
    case let error as PromptError: explain(error)
    case let error as ChatTemplateError: explain(error)
    case let error as EvaluationError: explain(error)
    case let error as CorpusError: explain(error)
    case let error as JSONError:
      Explanation(
        "notJSON", why: "line \(error.place.line), column \(error.place.column): \(json(error.problem))")
    default: Explanation("unexpected", why: "\(error)")
    }
  }

  /// The name of an enum case, without its values.
  static func caseName(_ value: Any) -> String {
    let text = "\(value)"
    return String(text.prefix { $0 != "(" })
  }
}
