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

  /// Facts that speak beside the weights; `candidates` and `continuation` read them with a prompt that is theirs.
  public var memory: Memory? {
    didSet { loops = LoopReader(memory, network: network, encoder: encoder) }
  }
  /// Lets the model ask itself, where its memory has facts that are looked up so.
  private var loops: LoopReader?

  /// Joins the two.
  public init(network: Network, tokenizer: Tokenizer, memory: Memory? = nil) {
    self.network = network
    self.tokenizer = tokenizer
    self.memory = memory
    loops = LoopReader(memory, network: network, encoder: encoder)
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
  /// Memories of the patches stand beside the weights, in place of those that were there before.
  /// - Throws: `PatchError.wrongBase` for a patch of another model; `PatchError.changesTensors` where tensors come, go or change type;
  ///   `EditError.memoryOfOtherModel` for a memory of another model's states; `secondModelMissing` where another model answers for facts of a
  ///   memory and is not given.
  ///
  /// - Parameter seconds: models that memories may name to answer in this one's place.
  public func applying(
    _ patches: [PatchFile], answeringWith seconds: [SecondModel] = []
  ) throws -> LanguageModel {
    var memory = try Memory(patches, threads: network.threads)
    try memory?.answer(with: seconds)
    try memory?.requireModel(network.model, threads: network.threads)
    try memory?.read(with: network, encoder)
    var overlay = WeightOverlay()
    for patch in patches {
      let run = try PatchRun(patch, network.model, threads: network.threads, weightsOnly: true)
      for (tensor, bytes) in try run.tensors(.apply) { overlay[tensor] = bytes }
    }
    return LanguageModel(network: try network.overlaid(overlay), tokenizer: tokenizer, memory: memory)
  }

  /// The fact of its memory that speaks to a prompt; `nil` where none does.
  ///
  /// - Parameter room: tokens that what is read may take; demonstrations are left out until it fits (default: what the model was
  ///   trained for, less 64).
  public func recall(_ prompt: String, room: Int? = nil) throws -> Memory.Recall? {
    let room = room ?? self.room
    return try memory?.recall(prompt) { text, second in
      let reader = second?.model ?? self
      let own = second == nil ? room : min(room, reader.room)
      return reader.tokenizer.encodePrompt(text).tokens.count <= own
    }
  }

  /// Tokens that a text may have where an answer is to follow.
  private var room: Int { min(encoder.trainedPositionCount, encoder.positionLimit ?? .max) - 64 }

  /// What the model comes to about each prompt when it asks itself; `nil` where its memory has no facts that are looked up so.
  ///
  /// - Throws: `PromptError` for a text that the network has no tokens for.
  public func deliberate(_ prompts: [String], in chat: ChatFrame? = nil) throws -> [Memory.Deliberation]? {
    try loops?.deliberate(prompts, in: chat)
  }

  /// A prompt as it is read.
  private struct Reading {
    /// The model that reads it.
    let reader: LanguageModel
    let tokens: [Int32]
    /// What a memory puts in the place of a layer's outputs.
    let replacements: [OutputReplacement?]
  }

  private func read(_ prompt: String) throws -> Reading {
    let recall = try recall(prompt)
    let reader = memory?.second(for: recall)?.model ?? self
    let tokens = try reader.encoder.prompt(recall?.text(prompt) ?? prompt).tokens
    guard recall?.second == nil, !tokens.isEmpty, let memory else {
      return Reading(reader: reader, tokens: tokens, replacements: [nil])
    }
    return Reading(
      reader: self, tokens: tokens,
      replacements: try memory.states(of: [tokens], in: network).map { $0?.replacement })
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

  /// The most probable next tokens after a prompt, the most probable first. An answer that the model asks itself for has no such tokens: these are
  /// what it would say by itself; where a second model answers for a fact, these are tokens of that model.
  ///
  /// - Throws: `PromptError` for a text that the network has no tokens for; `NetworkError.notNumbers` where the logits are none.
  public func candidates(after prompt: String, count: Int) throws -> [Candidate] {
    let reading = try read(prompt)
    let (network, tokenizer) = (reading.reader.network, reading.reader.tokenizer)
    guard !reading.tokens.isEmpty else { return [] }
    let logits = network.lastLogits(
      of: try network.run([reading.tokens], replacing: reading.replacements))
    guard logits.isNumber(row: 0) else { throw try network.notNumbers() }
    return logits.mostProbable(row: 0, count: count).map { token in
      Candidate(
        token: token, text: String(decoding: tokenizer.bytes(of: token), as: UTF8.self),
        probability: exp(Double(logits.logProbability(row: 0, token: token))))
    }
  }

  /// What the model goes on a prompt with, always the most probable token next, until it ends the text; what it comes to where it asks itself
  /// about a fact of its memory, nothing where that is nothing.
  ///
  /// - Parameter count: new tokens at most.
  public func continuation(of prompt: String, count: Int) throws -> String {
    if let own = try deliberate([prompt])?.first, own.speaks { return own.answer ?? "" }
    let reading = try read(prompt)
    let reader = reading.reader
    guard !reading.tokens.isEmpty else { return "" }
    let new = try reader.network.generate(
      [reading.tokens], count: count, stops: reader.encoder.stops, replacing: reading.replacements)[0]
    return reader.tokenizer.text(of: new, after: reading.tokens)
  }
}
