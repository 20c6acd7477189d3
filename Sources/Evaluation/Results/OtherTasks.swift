internal import Glibc
internal import Transformer

/// What is asked beside the records: whether a model can still do what has nothing to do with the facts.
public struct OtherTasks: Sendable {
  /// Questions with several answers.
  public var choices: MultipleChoice?
  /// A text file.
  public var text: String?
  /// Tokens of a window of the text.
  public var windowLength = 512

  /// Nothing else.
  public init() {}

  var isEmpty: Bool { choices == nil && text == nil }

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
    return measures
  }

  /// Tells tasks apart in a file of results.
  var identity: String {
    var parts = ["tasks"]
    if let choices {
      var hash = 5381
      for byte in "\(choices.questions)".utf8 { hash = hash &* 33 &+ Int(byte) }
      parts.append("choices \(hash)")
    }
    if let text {
      var status = stat()
      _ = stat_(text, &status)
      parts.append("text \(text) \(status.st_size) \(status.st_mtim.tv_sec) by \(windowLength)")
    }
    return parts.joined(separator: ", ")
  }
}

private func stat_(_ path: String, _ result: inout stat) -> Int32 { stat(path, &result) }
