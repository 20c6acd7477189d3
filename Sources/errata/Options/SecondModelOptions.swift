import ArgumentParser
import Editing
import ModelFiles
import Patches
import Transformer

/// Models that answer in the place of the one that is asked, where a memory says so.
struct SecondModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "serac: the model that answers where a fact speaks; only read. A memory names it by its digest, so it is given wherever such a memory is asked. May be repeated.",
      valueName: "model"), completion: .file())
  var counterfactual: [String] = []

  var isGiven: Bool { !counterfactual.isEmpty }

  /// The models, as a chat where the asked one is.
  func models(_ chat: ChatOptions, threads: Int, _ messages: OutputOptions) throws -> [SecondModel] {
    try counterfactual.map { path in
      let running = try RunningModel(path, threads: threads, messages)
      return try SecondModel(running.model, chat: chat.ownFrame(for: running.network.model))
    }
  }

  /// Refuses models that nothing asks.
  func requireUse(by patches: [String]) throws {
    guard isGiven else { return }
    let asks = try patches.contains { path in
      try PatchFile(path).memory?.parts.contains { $0.action.secondModel != nil } ?? false
    }
    guard asks else {
      throw EditError.optionNeeds(
        "--counterfactual", other: "patches whose memory a second model answers for")
    }
  }
}
