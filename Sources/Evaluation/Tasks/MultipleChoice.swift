internal import Editing
internal import ModelFiles
public import Transformer

/// Questions with several answers, of which the model is to find the right one the most likely.
public struct MultipleChoice: Sendable {
  /// One question.
  public struct Question: Equatable, Sendable {
    /// What stands before the choice.
    public let prompt: String
    /// At least two.
    public let choices: [String]
    /// The right one.
    public let answer: Int
  }

  /// In the order of the file.
  public let questions: [Question]

  /// Reads JSON lines or an array of `{"prompt" or "question", "choices": [...], "answer": its text, number from 0, or letter}`; also PIQA's
  /// `{"goal", "sol1", "sol2", "label"}`.
  ///
  /// - Throws: `EvaluationError.badQuestion` for an object that is not such a question.
  public init(_ path: String) throws {
    let file = try TextFile(path, .json, limit: TextFile.Limit.dataset)
    var questions: [Question] = []
    for value in try file.jsonValues() {
      func bad(_ problem: String) -> EvaluationError {
        .badQuestion(file: path, question: questions.count + 1, problem: problem)
      }
      guard value.members != nil else { throw bad("it is not a JSON object") }
      guard let prompt = ["prompt", "question", "goal"].lazy.compactMap({ value[$0]?.text }).first else {
        throw bad("it has no prompt")
      }
      let choices =
        value["choices"]?.elements?.compactMap(\.text)
        ?? ["sol1", "sol2"].compactMap { value[$0]?.text }
      guard choices.count > 1, choices.count == value["choices"]?.elements?.count ?? choices.count else {
        throw bad("it has no two choices")
      }
      guard let answer = (value["answer"] ?? value["label"]).flatMap({ Self.place(of: $0, in: choices) })
      else {
        throw bad("its answer is none of the choices")
      }
      questions.append(Question(prompt: prompt, choices: choices, answer: answer))
    }
    guard !questions.isEmpty else {
      throw EvaluationError.badQuestion(file: path, question: 1, problem: "there is none")
    }
    self.questions = questions
  }

  private static func place(of answer: JSONValue, in choices: [String]) -> Int? {
    if let number = answer.integer { return choices.indices.contains(number) ? number : nil }
    guard let text = answer.text else { return nil }
    if let place = choices.firstIndex(of: text) { return place }
    guard text.utf8.count == 1, let letter = text.uppercased().utf8.first, letter >= 65 else { return nil }
    return choices.indices.contains(Int(letter) - 65) ? Int(letter) - 65 : nil
  }

  /// Shares of questions whose right choice is the most likely: by the mean over its tokens, and by their sum. Of equals the first
  /// counts. NaN where the network's logits are no numbers.
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`; `NetworkError.tooManyPositions` for a question without room in the network.
  public func accuracy(of network: Network, _ tokenizer: Tokenizer) throws -> (byMean: Double, bySum: Double)
  {
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    var items: [Continuation] = []
    var places: [[Int?]] = []
    for question in questions {
      places.append(
        try question.choices.map { choice in
          let (prompt, spaces) = TextJoin.split(prompt: question.prompt)
          let (text, join) = TextJoin.split(target: choice, after: prompt, spaces)
          guard let item = try encoder.continuation(prompt, join, text) else { return nil }
          items.append(item)
          return items.count - 1
        })
    }
    let scores = try network.score(items)
    // Which of several is the largest has no answer where one is no number.
    guard scores.allSatisfy(\.isNumber) else { return (.nan, .nan) }
    func share(_ value: (ContinuationScore) -> Double) -> Double {
      let right = zip(questions, places).count { question, places in
        let values = places.map { $0.map { value(scores[$0]) } ?? -.infinity }
        return values.firstIndex(of: values.max()!) == question.answer
      }
      return Double(right) / Double(questions.count)
    }
    return (share(\.meanLogProbability), share(\.sum))
  }
}
