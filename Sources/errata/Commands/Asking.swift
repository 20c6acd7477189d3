import Editing
import Glibc
import LinearAlgebra
import ModelFiles
import Patches
import Transformer

/// Prompts put to a network, and its answers as text and JSON.
struct Asking {
  let encoder: PromptEncoder
  /// What goes around each prompt; `nil` where they are no chat.
  let chat: ChatFrame?
  let prompts: [String]
  let top: Int
  let count: Int
  let sampling: Sampling

  /// What one network says to all prompts.
  struct Answer {
    let label: String
    let replies: [Reply]
    let logits: Matrix<Float>
  }

  /// What it says to one.
  struct Reply {
    let tokens: [Int32]
    let top: [(token: Int, probability: Double)]
    let continuation: [Int32]
    /// The fact of a memory that was read with it.
    let recall: Memory.Recall?
    /// The fact whose value took the place of a layer's output.
    let state: Memory.StateRecall?
  }

  /// What a model says; which fact of its memory speaks is decided on each prompt alone, before anything is said.
  func answer(_ label: String, _ model: LanguageModel) throws -> Answer {
    let network = model.network
    let frame = chat.map { encoder.tokenizer.encodePrompt($0.before + $0.after).tokens.count } ?? 0
    let room = min(encoder.trainedPositionCount, encoder.positionLimit ?? .max) - frame - count
    let recalls = try prompts.map { try model.recall($0, room: room) }
    let encoded = try self.encoded(zip(prompts, recalls).map { $1?.text($0) ?? $0 })
    let states =
      try model.memory?.states(of: encoded, in: network)
      ?? [Memory.StateRecall?](repeating: nil, count: encoded.count)
    let replacements = states.map { $0?.replacement }
    let run = try network.run(encoded, replacing: replacements)
    let logits = network.lastLogits(of: run)
    guard encoded.indices.allSatisfy({ logits.isNumber(row: $0) }) else {
      throw AskError.notNumbers(run: label, try network.notNumbers())
    }
    let continuations = try network.generate(
      encoded, count: count, sampling: sampling, stops: chat.map { encoder.stops(in: $0) } ?? encoder.stops,
      replacing: replacements)
    let replies = encoded.indices.map { index in
      Reply(
        tokens: encoded[index],
        top: logits.mostProbable(row: index, count: top).map {
          ($0, exp(Double(logits.logProbability(row: index, token: $0))))
        }, continuation: continuations[index], recall: recalls[index], state: states[index])
    }
    return Answer(label: label, replies: replies, logits: logits.rows.matrix())
  }

  /// Tokens of the prompts as they are read.
  private func encoded(_ prompts: [String]) throws(AskError) -> [[Int32]] {
    var all: [[Int32]] = []
    for (index, prompt) in prompts.enumerated() {
      let tokens: [Int32]
      do throws(PromptError) {
        tokens = try encoder.prompt(PromptEncoder.beginning(prompt, in: chat)).tokens
      } catch {
        throw .promptNotForNetwork(prompt: index + 1, error)
      }
      guard !tokens.isEmpty else { throw .noTokens(prompt: index + 1) }
      if let limit = encoder.positionLimit, tokens.count > limit {
        throw .promptTooLong(prompt: index + 1, tokens: tokens.count, positions: limit)
      }
      all.append(tokens)
    }
    return all
  }

  /// What the user should know before the answers come.
  var warnings: [String] {
    let around = chat.map { encoder.tokenizer.encodePrompt($0.before + $0.after).tokens.count } ?? 0
    let sizes = prompts.map { around + encoder.tokenizer.encodePrompt($0).tokens.count }
    let limit = encoder.trainedPositionCount
    guard let longest = sizes.indices.max(by: { sizes[$0] < sizes[$1] }) else { return [] }
    // Where positions are learned, none beyond them is run.
    guard encoder.positionLimit == nil, sizes[longest] + count > limit else { return [] }
    return [
      "prompt \(longest + 1) and what follows it have up to \(sizes[longest] + count) tokens, the model was trained for \(limit) "
        + "positions; what it says beyond them means little."
    ]
  }

  /// The text that tokens go on a prompt with.
  private func continuation(_ reply: Reply) -> String {
    encoder.tokenizer.text(of: reply.continuation, after: reply.tokens)
  }

  private func piece(_ token: Int) -> String {
    String(decoding: encoder.tokenizer.bytes(of: token), as: UTF8.self)
  }

  /// Which fact spoke, and why.
  private func words(for recall: Memory.Recall) -> String {
    let others = recall.count > 1 ? " and \(recall.count - 1) more" : ""
    let score = recall.route == .always ? "" : ", nearness \(Numbers.significant(recall.score, 3))"
    return "remembers “\(Numbers.oneLine(recall.fact.statement))”\(others) (fact \(recall.index + 1), "
      + "\(Shown.words(for: recall.route))\(score))"
  }

  func text(of answers: [Answer], verbose: Bool) -> String {
    prompts.indices.map { index in
      var lines = [prompts[index]]
      for answer in answers {
        let reply = answer.replies[index]
        if answers.count > 1 { lines.append("  \(answer.label)") }
        if verbose, let recall = reply.recall { lines.append("    " + words(for: recall)) }
        if verbose, let state = reply.state {
          lines.append(
            "    remembers “\(Numbers.oneLine(state.fact.statement))” (fact \(state.index + 1), layer \(state.replacement.layer): "
              + "\(Numbers.significant(state.distance, 3)) away, radius \(Numbers.significant(state.radius, 3)))"
          )
        }
        lines.append("  →\(Numbers.oneLine(continuation(reply)))")
        let tops = reply.top.map {
          "“\(Numbers.oneLine(piece($0.token)))” \(Numbers.percent($0.probability))"
        }
        if !tops.isEmpty { lines.append("    " + tops.joined(separator: " · ")) }
      }
      return lines.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  func json(of answers: [Answer]) -> JSONValue {
    var members: [JSONValue.Member] = []
    if let chat { members.append(.init("chat", chat.json)) }
    let runs: JSONValue =
      .array(
        answers.map { answer in
          [
            "label": .string(answer.label),
            "prompts": .array(
              prompts.indices.map { index in
                let reply = answer.replies[index]
                let object: JSONValue = [
                  "text": .string(prompts[index]), "tokens": .array(reply.tokens.map { .integer(Int($0)) }),
                  "top": .array(
                    reply.top.map {
                      [
                        "id": .integer($0.token), "token": .string(piece($0.token)),
                        "probability": .measured($0.probability),
                      ]
                    }),
                  "continuation": .string(continuation(reply)),
                  "continuationTokens": .array(reply.continuation.map { .integer(Int($0)) }),
                ]
                guard case .object(let members) = object else { return object }
                return .object(
                  members + (reply.recall.map { [.init("recall", json(of: $0))] } ?? [])
                    + (reply.state.map { [.init("state", json(of: $0))] } ?? []))
              }),
          ]
        })
    return .object(members + [.init("runs", runs)])
  }

  private func json(of state: Memory.StateRecall) -> JSONValue {
    [
      "patch": .string(state.path), "fact": .string(state.fact.identifier), "index": .integer(state.index),
      "statement": .string(state.fact.statement), "layer": .integer(state.replacement.layer),
      "distance": .measured(state.distance), "radius": .measured(state.radius),
    ]
  }

  private func json(of recall: Memory.Recall) -> JSONValue {
    [
      "patch": .string(recall.path), "fact": .string(recall.fact.identifier), "index": .integer(recall.index),
      "count": .integer(recall.count), "statement": .string(recall.fact.statement),
      "route": recall.route.json,
      "score": .measured(recall.score), "before": .string(recall.before), "after": .string(recall.after),
    ]
  }

  /// Writes `<index>.logits` F32 [vocabulary] for every prompt.
  func writeLogits(of answer: Answer, to path: String) throws {
    try SafetensorsWriter.write(
      prompts.indices.map { index in
        NewTensor(
          name: "\(index).logits", elementType: .f32, shape: [answer.logits.columns],
          elements: Array(answer.logits.row(index)))
      }, to: path)
  }
}
