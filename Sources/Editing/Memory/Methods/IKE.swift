internal import Patches

extension MemoryMethod {
  /// IKE: the fact stands before the prompt, behind demonstrations of what is to change and what is to stay.
  ///
  /// Published without a route, so that each prompt reads the fact that it is about to be judged by; here the fact is found by the prompt.
  /// The last demonstration is the fact itself, copied, as in the released code: of wordings tried on SmolLM2-135M the one that is believed
  /// most often (`Docs/explanation/which-method.md`). It tells no more than the fact does.
  ///
  /// - Source: arXiv:2305.12740; Zce1112zslx/IKE `icl.py`: 32 demonstrations, copied, reworded and left alone as 4 : 12 : 16.
  public static let ike = MemoryMethod(
    name: "ike", otherNames: ["ice"],
    summary: "reads the fact before a prompt about its subject, behind demonstrations from the other facts",
    route: .subject,
    action: .prompt(
      text: "{demonstrations}New Fact: {fact}\nPrompt: {fact}\n\nNew Fact: {fact}\nPrompt: {question}"),
    demonstrationCount: Demonstrations.publishedCount,
    routes: ["subject", "always", "words", "embedding", "subject+embedding"])
}
