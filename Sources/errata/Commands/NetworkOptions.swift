import ArgumentParser
import Editing
import LinearAlgebra
import ModelFiles
import Patches
import Transformer

/// A model that is to be run, with its tokenizer.
struct RunningModel {
  let network: Network
  let tokenizer: Tokenizer

  init(_ path: String, threads: Int, _ messages: OutputOptions) throws {
    try BLASLibrary.load()
    let model = try openModel(path, threads: threads, messages)
    network = try Network(model, threads: threads)
    tokenizer = try Tokenizer(of: model)
    if let stop = encoder.unknownStops.first {
      messages.say(
        "Warning: token \(stop) is named as the end of a text, and the model has \(encoder.vocabularySize) tokens: no text ends there."
      )
    }
  }

  /// Makes texts ready for the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// The network as if patches were applied to its model, one after the other.
  func patched(by patches: [String]) throws -> Network {
    try LanguageModel(network: network, tokenizer: tokenizer).applying(patches.map { try PatchFile($0) })
      .network
  }
}
