public import Editing
internal import Floor
internal import ModelFiles
public import Transformer

/// What is asked beside the probes' likelihoods, and how texts are made.
public struct EvaluationSettings: Equatable, Sendable {
  /// Whether the model goes on from each probe, to see what it says by itself.
  public var speaks = false
  /// Tokens that it goes on for.
  ///
  /// - Source: scalable-model-editing/unified-model-editing generates 50.
  public var spokenTokens = 50
  /// Whether texts are generated from the generation prompts, for fluency and consistency.
  public var writes = false
  /// Tokens of a text, its prompt included.
  ///
  /// - Source: kmeng01/memit `util/generate.py`, `max_out_len=100`.
  public var textTokens = 100
  /// Each token is drawn from so many of the most probable.
  public var topCount = 5
  /// Of the drawing; the same seed gives a record the same texts whatever else is evaluated.
  public var seed: UInt64 = 0
  /// Whether prompts whose right answer is the target already are asked.
  public var asksAttributes = false
  /// Whether the new fact stands before each prompt, as the demonstration of in-context editing.
  public var demonstrates = false
  /// Further facts before the new one; the new one alone where `nil`.
  public var demonstrations: Demonstrations?

  /// What speaks beside the weights; which fact does is decided on each prompt alone.
  public var memory: Memory?

  /// What goes around each prompt, where questions are put in a chat.
  public var chat: ChatFrame?

  /// Prompt tokens asked together, for tests; `nil` leaves it to the network's size.
  var chunk: Int?

  /// Likelihoods only.
  public init() {}

  /// Everything that an answer depends on, for telling results apart.
  var identity: String {
    var parts: [String] = []
    // The words tell apart results from before prompts without a known answer were spoken to.
    if speaks { parts.append("speaks \(spokenTokens), also what is to stay") }
    // The number tells apart results from before texts were split into words as NLTK does.
    if writes { parts.append("writes \(textTokens) top \(topCount) seed \(seed), words 2") }
    if asksAttributes { parts.append("attributes") }
    if let chat { parts.append("chat \(Digest(of: Array(chat.json.compactText.utf8)).hexadecimal)") }
    if demonstrates { parts.append(demonstrations?.identity ?? "demonstrates") }
    return parts.joined(separator: ", ")
  }
}
