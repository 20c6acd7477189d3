import Glibc
import LinearAlgebra
import ModelFiles
import Transformer

/// Prompts put to a network, and its answers as text and JSON.
struct Asking {
  let tokenizer: Tokenizer
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
  }

  func answer(_ label: String, _ network: Network) throws -> Answer {
    let encoded = prompts.map { tokenizer.encode($0).tokens }
    if let empty = encoded.firstIndex(where: \.isEmpty) { throw AskError.noTokens(prompt: empty + 1) }
    let run = try network.run(encoded.map { TokenSequence($0) })
    let logits = network.lastLogits(of: run)
    let stops = Set(tokenizer.endTokens.map { Int32($0) })
    let continuations = try network.generate(encoded, count: count, sampling: sampling, stops: stops)
    let replies = encoded.indices.map { index in
      Reply(
        tokens: encoded[index],
        top: logits.mostProbable(row: index, count: top).map {
          ($0, exp(Double(logits.logProbability(row: index, token: $0))))
        }, continuation: continuations[index])
    }
    return Answer(label: label, replies: replies, logits: logits.rows.matrix())
  }

  /// The text that tokens go on a prompt with.
  private func continuation(_ reply: Reply) -> String {
    let whole = tokenizer.decode((reply.tokens + reply.continuation).map { Int($0) })
    let head = tokenizer.decode(reply.tokens.map { Int($0) })
    return whole.hasPrefix(head)
      ? String(whole.dropFirst(head.count)) : tokenizer.decode(reply.continuation.map { Int($0) })
  }

  private func piece(_ token: Int) -> String {
    String(decoding: tokenizer.bytes(of: token), as: UTF8.self)
  }

  func text(of answers: [Answer]) -> String {
    prompts.indices.map { index in
      var lines = [prompts[index]]
      for answer in answers {
        let reply = answer.replies[index]
        if answers.count > 1 { lines.append("  \(answer.label)") }
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
    [
      "runs": .array(
        answers.map { answer in
          [
            "label": .string(answer.label),
            "prompts": .array(
              prompts.indices.map { index in
                let reply = answer.replies[index]
                return [
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
              }),
          ]
        })
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

/// Why a question cannot be put.
enum AskError: Error {
  /// The tokenizer makes nothing of a prompt, counted from 1.
  case noTokens(prompt: Int)
}
