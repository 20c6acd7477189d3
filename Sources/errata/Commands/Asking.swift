import Editing
import Floor
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
    var top: [(token: Int, probability: Double)]
    var continuation: [Int32]
    /// The fact of a memory that was read with it.
    let recall: Memory.Recall?
    /// The fact that changed what a layer gives.
    var state: Memory.StateRecall?
    /// The model that answers in the place of the one that is asked.
    var second: SecondModel? = nil
    /// What it asked itself, where its memory has facts that are looked up so.
    var deliberation: Memory.Deliberation? = nil
  }

  /// What a model says; which fact of its memory speaks is decided on each prompt alone, before anything is said.
  func answer(_ label: String, _ model: LanguageModel) throws -> Answer {
    let frame = chat.map { encoder.tokenizer.encodePrompt($0.before + $0.after).tokens.count } ?? 0
    let room = min(encoder.trainedPositionCount, encoder.positionLimit ?? .max) - frame - count
    let deliberations = try model.deliberate(prompts, in: chat)
    // Where the model has asked itself, what it came to is all that it says.
    let open = prompts.indices.filter { !(deliberations?[$0].speaks ?? false) }
    let recalls = try prompts.indices.map {
      open.contains($0) ? try model.recall(prompts[$0], room: room) : nil
    }
    let seconds = recalls.map { model.memory?.second(for: $0) }
    let encoded = try prompts.indices.map { index in
      try self.encoded(index, recalls[index]?.text(prompts[index]) ?? prompts[index], for: seconds[index])
    }
    var replies = prompts.indices.map { index in
      Reply(
        tokens: encoded[index], top: [], continuation: [], recall: recalls[index], state: nil,
        second: seconds[index], deliberation: deliberations?[index])
    }
    var logits = Matrix<Float>(rows: 0, columns: 0)
    for digest in Set(open.map { seconds[$0]?.digest }) {
      let own = open.filter { seconds[$0]?.digest == digest }
      let run = try say(own.map { encoded[$0] }, label, model, for: seconds[own[0]])
      for (place, index) in own.enumerated() {
        replies[index].top = run.logits.mostProbable(row: place, count: top).map {
          ($0, exp(Double(run.logits.logProbability(row: place, token: $0))))
        }
        (replies[index].continuation, replies[index].state) = (run.continuations[place], run.states[place])
      }
      if digest == nil { logits = run.logits.rows.matrix() }
    }
    return Answer(label: label, replies: replies, logits: logits)
  }

  /// What the network goes on with.
  private typealias Said = (logits: LogitRows, continuations: [[Int32]], states: [Memory.StateRecall?])

  /// - Parameter second: what answers in the model's place.
  private func say(
    _ encoded: [[Int32]], _ label: String, _ model: LanguageModel, for second: SecondModel?
  ) throws -> Said {
    let network = second?.model.network ?? model.network
    let none = [Memory.StateRecall?](repeating: nil, count: encoded.count)
    let states = try second == nil ? model.memory?.states(of: encoded, in: network) ?? none : none
    let replacements = states.map { $0?.replacement }
    let run = try network.run(encoded, replacing: replacements)
    let logits = network.lastLogits(of: run)
    guard encoded.indices.allSatisfy({ logits.isNumber(row: $0) }) else {
      throw AskError.notNumbers(run: label, try network.notNumbers())
    }
    let continuations = try network.generate(
      encoded, count: count, sampling: sampling, stops: stops(of: second), replacing: replacements)
    return (logits, continuations, states)
  }

  private func stops(of second: SecondModel?) -> Set<Int32> {
    let encoder = second?.model.encoder ?? encoder
    return (second.map(\.chat) ?? chat).map { encoder.stops(in: $0) } ?? encoder.stops
  }

  /// Tokens of a prompt as it is read.
  private func encoded(
    _ index: Int, _ prompt: String, for second: SecondModel?
  ) throws(AskError) -> [Int32] {
    let encoder = second?.model.encoder ?? encoder
    let tokens: [Int32]
    do throws(PromptError) {
      tokens = try encoder.prompt(PromptEncoder.beginning(prompt, in: second.map(\.chat) ?? chat)).tokens
    } catch {
      throw .promptNotForNetwork(prompt: index + 1, error)
    }
    guard !tokens.isEmpty else { throw .noTokens(prompt: index + 1) }
    if let limit = encoder.positionLimit, tokens.count > limit {
      throw .promptTooLong(prompt: index + 1, tokens: tokens.count, positions: limit)
    }
    return tokens
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
    if let own = reply.deliberation, own.speaks { return own.answer.map { " " + $0 } ?? "" }
    return said(reply)
  }

  private func said(_ reply: Reply) -> String {
    tokenizer(of: reply).text(of: reply.continuation, after: reply.tokens)
  }

  private func piece(_ token: Int, of reply: Reply) -> String {
    String(decoding: tokenizer(of: reply).bytes(of: token), as: UTF8.self)
  }

  private func tokenizer(of reply: Reply) -> Tokenizer { reply.second?.model.tokenizer ?? encoder.tokenizer }

  /// Which fact spoke, and why.
  private func words(for recall: Memory.Recall) -> String {
    let others = recall.count > 1 ? " and \(recall.count - 1) more" : ""
    let score = recall.route == .always ? "" : ", nearness \(Numbers.significant(recall.score, 3))"
    return "remembers “\(Numbers.oneLine(recall.fact.statement))”\(others) (fact \(recall.index + 1), "
      + "\(Shown.words(for: recall.route))\(score))"
      + (recall.second == nil ? "" : "; the second model answers")
  }

  /// What the model asked itself, a line for each question, and how it ended.
  private func words(for own: Memory.Deliberation) -> [String] {
    let rounds = own.rounds.map { round in
      "asks itself “\(Numbers.oneLine(round.subquestion))”, "
        + (round.answer.map { "thinks “\(Numbers.oneLine($0))”, " } ?? "")
        + (round.recall.map { words(for: $0) } ?? "remembers nothing of it")
    }
    if !own.speaks { return rounds + ["no fact is about what it asked: it goes on by itself"] }
    return own.answer == nil
      ? rounds
      : rounds + [
        "has an answer after \(own.generationCount) of \(Numbers.count(own.generationLimit, "round"))"
      ]
  }

  /// Why there is no answer.
  private func reason(_ own: Memory.Deliberation) -> String {
    switch own.end {
    case .answer: ""
    case .limit: "none after \(Numbers.count(own.generationLimit, "round"))"
    case .form: "round \(own.generationCount) neither asked nor answered"
    case .room: "the text of round \(own.generationCount + 1) has no room in the model"
    }
  }

  private func words(for state: Memory.StateRecall) -> String {
    let others = state.count > 1 ? " and \(state.count - 1) more" : ""
    let reading =
      switch state.reading {
      case .distance(let distance, let radius):
        "\(Numbers.significant(distance, 3)) away, radius \(Numbers.significant(radius, 3))"
      case .activation(let activation, let threshold):
        "activation \(Numbers.significant(activation, 3)), threshold \(Numbers.significant(threshold, 3))"
      }
    return "remembers “\(Numbers.oneLine(state.fact.statement))”\(others) (fact \(state.index + 1), "
      + "layer \(state.replacement.layer): \(reading))"
  }

  func text(of answers: [Answer], verbose: Bool) -> String {
    prompts.indices.map { index in
      var lines = [prompts[index]]
      for answer in answers {
        let reply = answer.replies[index]
        if answers.count > 1 { lines.append("  \(answer.label)") }
        if verbose, let recall = reply.recall { lines.append("    " + words(for: recall)) }
        if verbose, let own = reply.deliberation { lines += words(for: own).map { "    " + $0 } }
        if verbose, let state = reply.state {
          lines.append("    " + words(for: state))
        }
        let missing = reply.deliberation.flatMap {
          $0.speaks && $0.answer == nil ? " (no answer: \(reason($0)))" : nil
        }
        lines.append("  →\(missing ?? Numbers.oneLine(continuation(reply)))")
        let tops = reply.top.map {
          "“\(Numbers.oneLine(piece($0.token, of: reply)))” \(Numbers.percent($0.probability))"
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
                        "id": .integer($0.token), "token": .string(piece($0.token, of: reply)),
                        "probability": .measured($0.probability),
                      ]
                    }),
                  "continuation": .string(continuation(reply)),
                  "continuationTokens": .array(reply.continuation.map { .integer(Int($0)) }),
                ]
                guard case .object(let members) = object else { return object }
                return .object(
                  members + (reply.deliberation.map { [.init("loop", json(of: $0))] } ?? [])
                    + (reply.recall.map { [.init("recall", json(of: $0))] } ?? [])
                    + (reply.state.map { [.init("state", json(of: $0))] } ?? []))
              }),
          ]
        })
    return .object(members + [.init("runs", runs)])
  }

  private func json(of state: Memory.StateRecall) -> JSONValue {
    let reading: [JSONValue.Member] =
      switch state.reading {
      case .distance(let distance, let radius):
        [.init("distance", .measured(distance)), .init("radius", .measured(radius))]
      case .activation(let activation, let threshold):
        [
          .init("count", .integer(state.count)), .init("activation", .measured(activation)),
          .init("threshold", .measured(threshold)),
        ]
      }
    return .object(
      [
        .init("patch", .string(state.path)), .init("fact", .string(state.fact.identifier)),
        .init("index", .integer(state.index)), .init("statement", .string(state.fact.statement)),
        .init("layer", .integer(state.replacement.layer)),
      ] + reading)
  }

  private func json(of own: Memory.Deliberation) -> JSONValue {
    [
      "rounds": .array(
        own.rounds.map {
          [
            "subquestion": .string($0.subquestion), "answer": $0.answer.map { .string($0) } ?? .null,
            "recall": $0.recall.map { json(of: $0) } ?? .null,
          ]
        }),
      "answer": own.answer.map { .string($0) } ?? .null, "end": .string(own.end.rawValue),
      "speaks": .bool(own.speaks), "generations": .integer(own.generationCount),
      "limit": .integer(own.generationLimit),
    ]
  }

  private func json(of recall: Memory.Recall) -> JSONValue {
    [
      "patch": .string(recall.path), "fact": .string(recall.fact.identifier), "index": .integer(recall.index),
      "count": .integer(recall.count), "statement": .string(recall.fact.statement),
      "route": recall.route.json,
      "score": .measured(recall.score), "before": .string(recall.before), "after": .string(recall.after),
      "secondModel": recall.second.map { .string($0.hexadecimal) } ?? .null,
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
