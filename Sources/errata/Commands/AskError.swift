import Transformer

/// Why a question cannot be put.
enum AskError: Error {
  /// The tokenizer makes nothing of a prompt, counted from 1.
  case noTokens(prompt: Int)
  /// A prompt, counted from 1, has a token that the network does not have.
  case promptNotForNetwork(prompt: Int, PromptError)
  /// A prompt, counted from 1, is longer than the network has positions.
  case promptTooLong(prompt: Int, tokens: Int, positions: Int)
  /// What a run computes are no numbers.
  case notNumbers(run: String, NetworkError)
}
