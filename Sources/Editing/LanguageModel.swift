internal import Glibc
internal import LinearAlgebra
public import ModelFiles
public import Patches
public import Transformer

/// A model that answers: its network and its tokenizer.
///
/// A value: `applying` gives the model as patches would leave it, without writing anything, so that a server can hold several states
/// of one model side by side; they share the mapped file.
public struct LanguageModel: Sendable {
  /// The network. Its weights lie in the mapped files.
  public let network: Network
  /// The model's tokenizer.
  public let tokenizer: Tokenizer

  /// Joins the two.
  public init(network: Network, tokenizer: Tokenizer) {
    self.network = network
    self.tokenizer = tokenizer
  }

  /// Opens a model to be run.
  ///
  /// - Throws: `LinearAlgebraError.noLibrary`, `ModelFileError`, `NetworkError` and `TokenizerError` for what cannot be.
  public init(_ model: ModelFile, threads: Int) throws {
    try BLASLibrary.load()
    self.init(network: try Network(model, threads: threads), tokenizer: try Tokenizer(of: model))
  }

  /// Makes texts ready for the network.
  public var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// The model as these patches, one after the other, would leave its file.
  ///
  /// Each patch is made from the model's file: two patches that touch one tensor must be combined first. Configuration and
  /// tokenizer stay the model's own, also where a patch changes files beside the weights (`PatchFile.beside`).
  /// - Throws: `PatchError.wrongBase` for a patch of another model; `PatchError.changesTensors` where tensors come, go or change type.
  public func applying(_ patches: [PatchFile]) throws -> LanguageModel {
    var overlay = WeightOverlay()
    for patch in patches {
      let run = try PatchRun(patch, network.model, threads: network.threads, weightsOnly: true)
      for (tensor, bytes) in try run.tensors(.apply) { overlay[tensor] = bytes }
    }
    return LanguageModel(network: try network.overlaid(overlay), tokenizer: tokenizer)
  }

  /// A token that may come next, and how probable it is.
  public struct Candidate: Sendable {
    /// Its number.
    public let token: Int
    /// Its text; a part of a character is shown as a replacement character.
    public let text: String
    /// From 0 to 1.
    public let probability: Double
  }

  /// The most probable next tokens after a prompt, the most probable first.
  ///
  /// - Throws: `PromptError` for a text that the network has no tokens for; `NetworkError.notNumbers` where the logits are none.
  public func candidates(after prompt: String, count: Int) throws -> [Candidate] {
    let tokens = try encoder.prompt(prompt).tokens
    guard !tokens.isEmpty else { return [] }
    let logits = network.lastLogits(of: try network.run([TokenSequence(tokens)]))
    guard logits.isNumber(row: 0) else { throw try network.notNumbers() }
    return logits.mostProbable(row: 0, count: count).map { token in
      Candidate(
        token: token, text: String(decoding: tokenizer.bytes(of: token), as: UTF8.self),
        probability: exp(Double(logits.logProbability(row: 0, token: token))))
    }
  }

  /// What the model goes on a prompt with, always the most probable token next, until it ends the text.
  ///
  /// - Parameter count: new tokens at most.
  public func continuation(of prompt: String, count: Int) throws -> String {
    let tokens = try encoder.prompt(prompt).tokens
    guard !tokens.isEmpty else { return "" }
    let new = try network.generate([tokens], count: count, stops: encoder.stops)[0]
    return tokenizer.text(of: new, after: tokens)
  }
}
