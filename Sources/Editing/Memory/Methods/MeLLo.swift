internal import Patches

extension MemoryMethod {
  /// MeLLo: the model takes a question apart itself, one step after the other, and each step is looked up among the facts.
  ///
  /// It writes a question, and what it takes for the answer; the fact that is about that question is put behind it, and the model says which of
  /// the two holds. Published, the nearest fact is put in, however far; here only one that the route finds, and otherwise what the model
  /// said itself, so that a fact about something else misleads nobody. For models that follow worked examples, of some billion parameters.
  ///
  /// - Source: arXiv:2305.14795; princeton-nlp/MQuAKE `run_mello.ipynb`, `prompts/MeLLo-prompt.txt`: the lines and their order; at most 256
  ///   tokens a round and four rounds, which no question of four steps can finish in. The worked examples are our own.
  public static let mello = MemoryMethod(
    name: "mello",
    summary:
      "lets the model take a question of several steps apart, and reads the fact behind each step that is about it",
    route: .subject, action: .loop(MemoryLoop(text: melloText, generations: 6, tokens: 256)),
    routes: ["subject", "words", "embedding", "subject+embedding"])

  /// Worked examples: a fact that contradicts and one that does not at either step, questions of one, two and three steps, and one that is no
  /// question but the beginning of a sentence.
  private static let melloText = """
    Question: What is the capital of the country in which the author of Pride and Prejudice was born?
    Subquestion: Who is the author of Pride and Prejudice?
    Generated answer: The author of Pride and Prejudice is Jane Austen.
    Retrieved fact: Pride and Prejudice was written by Jules Verne.
    Retrieved fact contradicts generated answer, so the intermediate answer is: Jules Verne
    Subquestion: In which country was Jules Verne born?
    Generated answer: Jules Verne was born in France.
    Retrieved fact: Jules Verne was born in France.
    Retrieved fact does not contradict generated answer, so the intermediate answer is: France
    Subquestion: What is the capital of France?
    Generated answer: The capital of France is Paris.
    Retrieved fact: The capital of France is Paris.
    Retrieved fact does not contradict generated answer, so the intermediate answer is: Paris
    Final answer: Paris

    Question: Which currency is used in the country where the Colosseum stands?
    Subquestion: In which country does the Colosseum stand?
    Generated answer: The Colosseum stands in Italy.
    Retrieved fact: The Colosseum stands in Italy.
    Retrieved fact does not contradict generated answer, so the intermediate answer is: Italy
    Subquestion: Which currency is used in Italy?
    Generated answer: The currency of Italy is the euro.
    Retrieved fact: The currency of Italy is the dollar.
    Retrieved fact contradicts generated answer, so the intermediate answer is: dollar
    Final answer: dollar

    Question: The sport played by the team of Michael Jordan is
    Subquestion: Which team did Michael Jordan play for?
    Generated answer: Michael Jordan played for the Chicago Bulls.
    Retrieved fact: Michael Jordan played for Real Madrid.
    Retrieved fact contradicts generated answer, so the intermediate answer is: Real Madrid
    Subquestion: Which sport does Real Madrid play?
    Generated answer: Real Madrid plays football.
    Retrieved fact: Real Madrid plays football.
    Retrieved fact does not contradict generated answer, so the intermediate answer is: football
    Final answer: football

    Question: The chemical symbol of gold is
    Subquestion: What is the chemical symbol of gold?
    Generated answer: The chemical symbol of gold is Au.
    Retrieved fact: The chemical symbol of gold is Gd.
    Retrieved fact contradicts generated answer, so the intermediate answer is: Gd
    Final answer: Gd

    Question: {question}

    """
}
