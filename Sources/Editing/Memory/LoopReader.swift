internal import ModelFiles
internal import Patches
internal import Synchronization
public import Transformer

/// Lets a model ask itself, where a memory has facts that are looked up so. `Formats/memory.md`, *Loops*.
///
/// Prompts are read side by side, round by round; what stands before the first of them, the worked examples, is run once.
public final class LoopReader: Sendable {
  private let memory: Memory
  private let loop: MemoryLoop
  private let network: Network
  private let encoder: PromptEncoder
  /// What was read of the text before the prompt, by what goes around it.
  private let beginnings = Mutex<[String: Network.Reading]>([:])

  /// Prompts read side by side: each has the worked examples' keys and values beside it.
  private static let width = 8

  /// - Returns: `nil` for a memory without such facts.
  public init?(_ memory: Memory?, network: Network, encoder: PromptEncoder) {
    guard let memory, let loop = memory.loop else { return nil }
    (self.memory, self.loop, self.network, self.encoder) = (memory, loop, network, encoder)
  }

  /// What the model comes to about each prompt; facts are looked up by its questions alone.
  ///
  /// - Throws: `PromptError` for a text that the network has no tokens for; `PatchError.badMemory` where a fact is none.
  public func deliberate(_ prompts: [String], in chat: ChatFrame?) throws -> [Memory.Deliberation] {
    var results: [Memory.Deliberation] = []
    for first in stride(from: 0, to: prompts.count, by: Self.width) {
      results += try together(prompts[first..<min(first + Self.width, prompts.count)], chat)
    }
    return results
  }

  private func together(_ prompts: ArraySlice<String>, _ chat: ChatFrame?) throws -> [Memory.Deliberation] {
    let (before, after) = MemoryTemplate(loop.text).aroundQuestion
    let beginning = try beginning(before, chat)
    let heads = try prompts.map { try PromptEncoder.beginning(before + $0 + after, in: chat) }
    let stops = chat.map { encoder.stops(in: $0) } ?? encoder.stops
    var transcripts = prompts.map { _ in LoopTranscript(loop) }
    var known = heads.map { _ in beginning }
    while true {
      var active: [(index: Int, tokens: [Int32])] = []
      for index in transcripts.indices where !transcripts[index].isDone {
        let tokens = try encoder.prompt(heads[index].followed(by: transcripts[index].text)).tokens
        if tokens.count < room {
          active.append((index, tokens))
        } else {
          transcripts[index].endForRoom()
        }
      }
      guard !active.isEmpty else { return transcripts.map(\.result) }
      let written = try network.generate(
        active.map(\.tokens), knowing: active.map { known[$0.index] }, count: loop.tokens, stops: stops
      ) { place, new in
        active[place].tokens.count + new.count >= room
          || LoopTranscript.round(in: text(new, after: active[place].tokens), loop) != nil
      }
      for (place, index) in active.map(\.index).enumerated() {
        known[index] = written[place].reading
        try transcripts[index].take(text(written[place].tokens, after: active[place].tokens)) {
          try memory.look(for: $0)
        }
      }
    }
  }

  private func text(_ new: [Int32], after tokens: [Int32]) -> String {
    encoder.tokenizer.text(of: new, after: tokens)
  }

  /// Positions that a text may have.
  private var room: Int { min(encoder.trainedPositionCount, encoder.positionLimit ?? .max) }

  /// What is known of the text before a prompt; `nil` where there is none, or no room for it.
  private func beginning(_ before: String, _ chat: ChatFrame?) throws -> Network.Reading? {
    let text = try PromptEncoder.beginning(before, in: chat)
    if let found = beginnings.withLock({ $0[text.text] }) { return found }
    let tokens = try encoder.prompt(text).tokens
    guard !tokens.isEmpty, tokens.count <= room else { return nil }
    let reading = try network.read(tokens)
    beginnings.withLock { $0[text.text] = reading }
    return reading
  }
}
