internal import ModelFiles
internal import Patches

extension Memory {
  /// What a model asked itself about a prompt, and what came of it. `Formats/memory.md`, *Loops*.
  public struct Deliberation: Sendable, Equatable {
    /// One question that it asked.
    public struct Round: Sendable, Equatable {
      /// The question.
      public let subquestion: String
      /// What it took for the answer; `nil` where it said nothing.
      public let answer: String?
      /// The fact that spoke; `nil` where none did, and what it took for the answer was put in.
      public let recall: Recall?
    }

    /// Why it ended.
    public enum End: String, Sendable, Equatable {
      /// With an answer.
      case answer
      /// There were as many rounds as there may be.
      case limit
      /// A round neither asked nor answered.
      case form
      /// The text has no room in the network.
      case room
    }

    /// In order.
    public internal(set) var rounds: [Round] = []
    /// The answer; `nil` where there is none.
    public internal(set) var answer: String?
    /// Why it ended.
    public internal(set) var end = End.limit
    /// Texts that the model wrote.
    public internal(set) var generationCount = 0
    /// How many there could have been.
    public internal(set) var generationLimit = 0

    /// Whether what the loop came to is what is said: some fact spoke, or there was no room to look for one.
    public var speaks: Bool { end == .room || rounds.contains { $0.recall != nil } }
  }
}

/// One prompt on its way through a loop: the text so far, and what becomes of it with each round.
///
/// - Source: arXiv:2305.14795; princeton-nlp/MQuAKE `run_mello.ipynb`. There a text goes on behind its final answer, unless the model ends it,
///   and is then taken for none; four rounds are the most, so that questions of four steps never come to an end. Here a round ends with its
///   answer, and the rounds are counted by the loop's own number.
struct LoopTranscript {
  let loop: MemoryLoop
  /// What stands behind the text with the prompt.
  private(set) var text = ""
  private(set) var result = Memory.Deliberation()
  private(set) var isDone = false

  init(_ loop: MemoryLoop) {
    self.loop = loop
    result.generationLimit = loop.generations
  }

  /// A line without white space before it, as far as it begins so: what stands behind the beginning.
  private static func rest(of line: Substring, _ mark: String) -> String? {
    let line = line.drop(while: \.isWhitespace)
    return line.hasPrefix(mark) ? trimmed(line.dropFirst(mark.count)) : nil
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return String(text)
  }

  /// The part of what was written that is a round; `nil` while it may go on.
  static func round(in written: String, _ loop: MemoryLoop) -> String? {
    var start = written.startIndex
    while start < written.endIndex {
      let end = written[start...].firstIndex(where: \.isNewline)
      let line = written[start..<(end ?? written.endIndex)]
      if rest(of: line, loop.retrieved) != nil { return String(written[..<start]) }
      guard let end else { return nil }
      let next = written.index(after: end)
      if rest(of: line, loop.answer) != nil || rest(of: line, loop.final) != nil {
        return String(written[..<next])
      }
      start = next
    }
    return nil
  }

  /// There is no room for another round.
  mutating func endForRoom() {
    result.end = .room
    isDone = true
  }

  /// Takes what the model wrote.
  ///
  /// - Parameter look: the fact that speaks to a question.
  mutating func take(_ written: String, look: (String) throws -> Memory.Recall?) rethrows {
    var round = Self.round(in: written, loop) ?? written
    result.generationCount += 1
    let (lines, marks) = (round.split(whereSeparator: \.isNewline), loop)
    if let answer = lines.compactMap({ Self.rest(of: $0, marks.final) }).last {
      isDone = true
      (result.answer, result.end) = answer.isEmpty ? (nil, .form) : (answer, .answer)
      text += round
      return
    }
    let asking = lines.lastIndex { Self.rest(of: $0, loop.subquestion).map { !$0.isEmpty } ?? false }
    guard let asking, let question = Self.rest(of: lines[asking], loop.subquestion) else {
      (result.end, isDone) = (.form, true)
      return
    }
    let answer = lines[asking...].compactMap { Self.rest(of: $0, marks.answer) }.last.flatMap {
      $0.isEmpty ? nil : $0
    }
    let recall = try look(question)
    result.rounds.append(.init(subquestion: question, answer: answer, recall: recall))
    guard let statement = recall?.fact.statement ?? answer else {
      (result.end, isDone) = (.form, true)
      return
    }
    if !(round.last?.isNewline ?? true) { round += "\n" }
    let line = statement.split(whereSeparator: \.isNewline).joined(separator: " ")
    text += "\(round)\(loop.retrieved) \(line)\(line.hasSuffix(".") ? "" : ".")"
    if result.generationCount == loop.generations { (result.end, isDone) = (.limit, true) }
  }
}
