internal import Floor
internal import ModelFiles
internal import Transformer

/// What is asked beside the records: whether a model can still do what has nothing to do with the facts.
public struct OtherTasks: Sendable {
  /// Questions with several answers.
  public var choices: MultipleChoice?
  /// A text file.
  public var text: String?
  /// Tokens of a window of the text.
  public var windowLength = 512

  /// Whether tokens go through other experts.
  public var routing: RoutingShift?

  /// Nothing else.
  public init() {}

  var isEmpty: Bool { choices == nil && text == nil && routing == nil }

  func measures(of network: Network, _ tokenizer: Tokenizer) throws -> [Measure: Double] {
    var measures: [Measure: Double] = [:]
    if let choices {
      let found = try choices.accuracy(of: network, tokenizer)
      measures[.choices] = found.byMean
      measures[.choicesBySum] = found.bySum
    }
    if let text {
      measures[.perplexity] = try TextPerplexity(network: network, windowLength: windowLength)
        .perplexity(ofFile: text, tokenizer)
    }
    if let routing { measures[.routing] = try routing.share(of: network) }
    return measures
  }

  /// Tells tasks apart in a file of results: by what is asked, wherever it lies.
  func identity() throws -> String {
    var parts = ["tasks"]
    if let choices { parts.append("choices \(choices.identity)") }
    if let text {
      let file = try OpenFile(text, .reading)
      parts.append("text \(Digest(of: try file.read(try file.size(), at: 0)).hexadecimal) by \(windowLength)")
    }
    if routing != nil { parts.append("experts") }
    return parts.joined(separator: ", ")
  }
}

extension MultipleChoice {
  /// Names the questions with their choices and right answers.
  fileprivate var identity: String {
    let list = JSONValue.array(
      questions.map { question in
        .array([
          .string(question.prompt), .array(question.choices.map { .string($0) }), .integer(question.answer),
        ])
      })
    return Digest(of: Array(list.compactText.utf8)).hexadecimal
  }
}
