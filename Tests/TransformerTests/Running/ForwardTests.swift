import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@Suite struct ForwardTests {
  /// Float products of three layers against float products in another order.
  static let tolerance = 1e-5

  @Test(arguments: FamilyReference.names)
  func `logits are transformers'`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let prompts = try (0..<3).map { try reference.prompt($0) }
    // All three side by side, then each alone.
    let run = try network.run(prompts.map { TokenSequence($0) })
    let together = network.logits(of: run, rows: Array(0..<prompts.reduce(0) { $0 + $1.count })).rows.matrix()
    for (index, prompt) in prompts.enumerated() {
      let wanted = try reference.floats("\(index).logits")
      let rows = together.selecting(rows: run.sequenceRows[index])
      #expect(relativeError(rows.elements, wanted) < Self.tolerance)
      let alone = try network.run([TokenSequence(prompt)])
      let logits = network.logits(of: alone, rows: Array(0..<prompt.count)).rows.matrix()
      #expect(relativeError(logits.elements, wanted) < Self.tolerance)
    }
  }

  @Test(arguments: FamilyReference.ggufNames)
  func `a GGUF file gives the same logits`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.ggufNetwork()
    // llama.cpp, and so we, run GPT-NeoX's exact GELU in its tanh form: up to 1e-3 apart.
    let tolerance = family == "gpt_neox" ? 2e-3 : Self.tolerance
    for index in 0..<3 {
      let prompt = try reference.prompt(index)
      let run = try network.run([TokenSequence(prompt)])
      let logits = network.logits(of: run, rows: Array(0..<prompt.count)).rows.matrix()
      #expect(relativeError(logits.elements, try reference.floats("\(index).logits")) < tolerance)
    }
  }

  @Test(arguments: FamilyReference.names)
  func `activations on the way are transformers'`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let prompt = try reference.prompt(0)
    let widestKey = try #require(try reference.tensors.tensor("0.keys").shape.last)
    var seen: [Activation: [Float]] = [:]
    _ = try network.run([TokenSequence(prompt)]) { _, activation, rows in
      // Keys of a layer without experts are shorter; the reference fills them up.
      let wanted = activation == .key ? widestKey : rows.width
      for row in 0..<rows.count {
        seen[activation, default: []] += rows.matrix(rows: [row]).elements
        seen[activation, default: []] += [Float](repeating: 0, count: wanted - rows.width)
      }
    }
    for (activation, name) in [
      (Activation.key, "0.keys"), (.value, "0.mlp"), (.attentionOutput, "0.attention"),
    ] {
      #expect(relativeError(seen[activation] ?? [], try reference.floats(name)) < Self.tolerance)
    }
    let hidden = try reference.floats("0.hidden")
    let width = prompt.count * network.configuration.width
    #expect(relativeError(seen[.hidden] ?? [], hidden.dropFirst(width)) < Self.tolerance)
    let embedded = try network.run([TokenSequence(prompt)], .init(0..<0))
    #expect(relativeError(embedded.hidden.matrix().elements, hidden.prefix(width)) < Self.tolerance)
  }

  @Test(arguments: FamilyReference.names)
  func `going on from a remembered past changes nothing`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let prompt = try reference.prompt(0)
    let wanted = try reference.floats("0.logits")
    let width = network.configuration.vocabularySize
    for cut in [1, 4, 10] {
      let head = try network.run([TokenSequence(Array(prompt[..<cut]))], keeping: .memory)
      let past = head.past(of: 0)
      // The same past twice, and a part of it: one sequence goes on from position `cut`, one from one before.
      let run = try network.run([
        TokenSequence(Array(prompt[cut...]), after: past),
        TokenSequence(Array(prompt[(cut - 1)...]), after: past.prefix(cut - 1)),
      ])
      let logits = network.logits(of: run, rows: Array(run.sequenceRows[0])).rows.matrix()
      #expect(relativeError(logits.elements, wanted[(cut * width)...]) < Self.tolerance)
      let longer = network.logits(of: run, rows: Array(run.sequenceRows[1])).rows.matrix()
      #expect(relativeError(longer.elements, wanted[((cut - 1) * width)...]) < Self.tolerance)
    }
  }

  @Test(arguments: FamilyReference.names)
  func `a run can begin at any block`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let prompt = try reference.prompt(0)
    let below = try network.run([TokenSequence(prompt)], .init(0..<2))
    let above = try network.run(
      [TokenSequence(prompt)], from: below.hidden.matrix(), .init(2..<network.configuration.layerCount))
    let logits = network.logits(of: above, rows: Array(0..<prompt.count)).rows.matrix()
    #expect(relativeError(logits.elements, try reference.floats("0.logits")) < Self.tolerance)
  }

  @Test
  func
    `a long text is turned otherwise from its first token on, beside short ones, and is not run in pieces`()
    throws
  {
    let reference = try FamilyReference("phi3-long")
    for network in [try reference.network(), try reference.ggufNetwork()] {
      let prompts = try (0..<3).map { try reference.prompt($0) }
      let run = try network.run(prompts.map { TokenSequence($0) })
      let logits = network.logits(of: run, rows: Array(0..<prompts.reduce(0) { $0 + $1.count })).rows.matrix()
      for index in prompts.indices {
        let rows = logits.selecting(rows: run.sequenceRows[index])
        #expect(relativeError(rows.elements, try reference.floats("\(index).logits")) < Self.tolerance)
      }
      let head = try network.run([TokenSequence(Array(prompts[0][..<8]))], keeping: .memory)
      #expect(throws: NetworkError.longTextInPieces(count: 11, limit: 8)) {
        try network.run([TokenSequence(Array(prompts[0][8...]), after: head.past(of: 0))])
      }
      #expect(throws: NetworkError.longTextInPieces(count: 11, limit: 8)) {
        try network.run([TokenSequence(prompts[0])], keeping: .memory)
      }
    }
  }

  @Test func `the number of threads changes no bit`() throws {
    let reference = try FamilyReference("llama3")
    let prompts = try (0..<3).map { TokenSequence(try reference.prompt($0)) }
    let results = try [1, 2, 5].map { threads in
      let network = try reference.network(threads: threads)
      return network.lastLogits(of: try network.run(prompts)).rows.matrix()
    }
    #expect(results[0] == results[1] && results[1] == results[2])
  }

  @Test func `tokens and positions that the network lacks are refused`() throws {
    let network = try FamilyReference("gpt2").network()
    #expect(throws: NetworkError.unknownToken(61, vocabularySize: 61)) {
      try network.run([TokenSequence([1, 61])])
    }
    #expect(throws: NetworkError.unknownToken(-1, vocabularySize: 61)) {
      try network.run([TokenSequence([-1])])
    }
    #expect(throws: NetworkError.tooManyPositions(count: 18, limit: 17)) {
      try network.run([TokenSequence([Int32](repeating: 1, count: 18))])
    }
  }
}
