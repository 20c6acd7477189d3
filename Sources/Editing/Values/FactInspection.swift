public import Transformer

/// What can be said of a fact before anything is computed for it.
public enum FactNotice: Equatable, Sendable {
  /// The subject is the first token of the text, in a model that puts none before it: its key is that of every first token.
  case subjectIsFirst(fact: String, subject: String)
  /// The subject is part of a longer word in its prompt; its key may be that of other words as well.
  case subjectInsideWord(fact: String, subject: String, word: String)
  /// The text is longer than those the model was trained on.
  case beyondTraining(fact: String, tokens: Int, positions: Int)
}

/// Facts looked at as a network will see them: what is worth knowing, and which cannot be put to it at all.
public struct FactInspection: Sendable {
  /// In the order of the facts.
  public private(set) var notices: [FactNotice] = []
  /// Facts that the network cannot take, with the reason.
  public private(set) var refused: [(record: FactRecord, reason: EditError)] = []
  /// The others.
  public private(set) var usable: [FactRecord] = []

  /// Looks at facts, each by itself and without contexts.
  ///
  /// - Parameters:
  ///   - chat: what goes around a prompt where the facts are to hold in a chat too.
  ///   - usesSubjects: whether keys are taken at the subjects.
  public init(
    _ records: [FactRecord], chat: ChatFrame? = nil, encoder: PromptEncoder, usesSubjects: Bool
  ) {
    for record in records {
      do throws(EditError) {
        let prompt = try FactPrompt(
          record.fact, contexts: chat == nil ? [] : [.chat], chat: chat, encoder: encoder)
        usable.append(record)
        if usesSubjects, record.fact.hasSubjectPlace { lookAtSubject(of: prompt) }
        if prompt.tokenCount > encoder.trainedPositionCount {
          notices.append(
            .beyondTraining(
              fact: record.fact.identifier, tokens: prompt.tokenCount, positions: encoder.trainedPositionCount
            )
          )
        }
      } catch { refused.append((record, error)) }
    }
  }

  private mutating func lookAtSubject(of prompt: FactPrompt) {
    let fact = prompt.fact
    if prompt.subjectIsFirst {
      notices.append(.subjectIsFirst(fact: fact.identifier, subject: fact.subject))
    }
    if let word = fact.wordAroundSubject {
      notices.append(.subjectInsideWord(fact: fact.identifier, subject: fact.subject, word: word))
    }
  }
}

extension Fact {
  /// The longer word that the subject is the beginning, the end or the middle of, letters on both sides of its edge; `nil` where it stands by
  /// itself, as it always does in scripts that put no space between words.
  var wordAroundSubject: String? {
    func isLetter(_ scalar: Unicode.Scalar?) -> Bool {
      scalar.map { $0.properties.isAlphabetic && TextJoin.putsSpaces($0) } ?? false
    }
    let subject = subject.unicodeScalars
    let before =
      isLetter(subject.first) ? textBeforeSubject.unicodeScalars.suffix(while: { isLetter($0) }) : []
    let after =
      isLetter(subject.last) ? Array(textAfterSubject.unicodeScalars.prefix(while: { isLetter($0) })) : []
    guard !before.isEmpty || !after.isEmpty else { return nil }
    return String(String.UnicodeScalarView(before + Array(subject) + after))
  }
}

extension String.UnicodeScalarView {
  fileprivate func suffix(while isIn: (Unicode.Scalar) -> Bool) -> [Unicode.Scalar] {
    reversed().prefix(while: isIn).reversed()
  }
}
