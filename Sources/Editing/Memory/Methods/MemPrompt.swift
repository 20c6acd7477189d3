internal import Patches

extension MemoryMethod {
  /// MemPrompt: what a user said of a prompt before is read with it again when nearly the same prompt comes.
  ///
  /// A fact's prompt is what was asked, its target the feedback. What stands in angle brackets is what a question is about, and not compared: "what
  /// rings like <papaya>?" brings the note to "what rings like <tomato>?" too. Released, the note stands behind the question itself, and the answer
  /// behind a line of its own, which a model must have been shown in examples; here the question comes once more, so that any model answers it.
  ///
  /// - Source: arXiv:2201.06009; madaan/memprompt `src/memory`: the closest by Levenshtein's distance, where that is below 6, and the
  ///   prompt's form "question | feedback".
  public static let memprompt = MemoryMethod(
    name: "memprompt",
    summary: "reads the target as a note to the prompt, where nearly the same prompt comes again",
    route: .near(distance: 5), action: .prompt(text: "{prompt} | {target}\n\n{question}"),
    released: .prompt(text: "{question} | {target}\n\n###\n\n"),
    routes: ["near", "subject", "words", "embedding", "subject+embedding"])
}
