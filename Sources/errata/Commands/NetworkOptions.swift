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
  private let messages: OutputOptions

  init(_ path: String, threads: Int, _ messages: OutputOptions) throws {
    try BLASLibrary.load()
    self.messages = messages
    let model = try openModel(path, threads: threads, messages)
    network = try Network(model, threads: threads)
    tokenizer = try Tokenizer(of: model)
    for notice in tokenizer.notices { messages.say("Warning: \(notice.words)") }
    if let stop = encoder.unknownStops.first {
      messages.say(
        "Warning: token \(stop) is named as the end of a text, and the model has \(encoder.vocabularySize) tokens: no text ends there."
      )
    }
  }

  /// The two together.
  var model: LanguageModel { LanguageModel(network: network, tokenizer: tokenizer) }

  /// Makes texts ready for the network.
  var encoder: PromptEncoder { PromptEncoder(tokenizer, for: network.configuration) }

  /// The model as if patches were applied to it, one after the other, with their memories beside it.
  ///
  /// - Parameter seconds: models that answer in its place where a memory says so.
  func patched(by patches: [String], answeringWith seconds: [SecondModel] = []) throws -> LanguageModel {
    let files = try patches.map { try PatchFile($0) }
    for patch in files where !patch.beside.isEmpty {
      let names = patch.beside.map { Numbers.oneLine($0.name) }.joined(separator: ", ")
      messages.say(
        "\(patch.path) also changes \(names); here the model keeps its own. To have them changed, apply the patch to a new "
          + "folder.")
    }
    let patched = try LanguageModel(network: network, tokenizer: tokenizer).applying(
      files, answeringWith: seconds)
    for path in try patched.memory?.strangers(to: network.model) ?? [] {
      messages.say("\(path) was made for another model; its facts are text, and are read with this one too.")
    }
    return patched
  }
}
