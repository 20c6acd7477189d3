/// Finds the one place of the subject in a prompt.
enum PromptTemplate {
  /// The prompt with exactly one `{}`: as written, or made from a literal prompt that names the subject once.
  ///
  /// - Parameter needed: whether there must be a place for the subject; if not, a prompt without one is taken as it is.
  /// - Throws: `placeholderInSubject`, `severalPlaceholders`, `subjectNotInPrompt`, `subjectSpelledOtherwise`, `subjectRepeated`.
  /// - Source: EasyEdit takes literal prompts too, and replaces the subject wherever it stands; which of two places is
  ///   meant decides the key, so two are refused.
  static func make(
    _ prompt: String, subject: String, needed: Bool = true, at place: RecordPlace
  ) throws(FactsError) -> String {
    guard subject.byteOffsets(of: Fact.placeholder).isEmpty else {
      throw .placeholderInSubject(place, subject: subject)
    }
    let count = prompt.byteOffsets(of: Fact.placeholder).count
    if count == 1 { return prompt }
    guard count == 0 else { throw .severalPlaceholders(place, count: count) }
    let offsets = subject.isEmpty ? [] : prompt.byteOffsets(of: subject)
    guard offsets.count == 1, let start = offsets.first else {
      guard needed else { return prompt }
      guard offsets.isEmpty else {
        throw .subjectRepeated(place, subject: subject, count: offsets.count)
      }
      if let (found, difference) = SpellingDifference.find(subject, in: prompt) {
        throw .subjectSpelledOtherwise(place, subject: subject, found: found, difference: difference)
      }
      throw .subjectNotInPrompt(place, subject: subject)
    }
    let bytes = prompt.utf8
    return (String(bytes.prefix(start)) ?? "") + Fact.placeholder
      + (String(bytes.dropFirst(start + subject.utf8.count)) ?? "")
  }
}
