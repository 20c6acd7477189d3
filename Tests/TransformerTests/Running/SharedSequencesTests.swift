import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// Sequences that go on from each other in one run, and rows that alone are finished, against whole sequences.
@Suite struct SharedSequencesTests {
  /// Sums in another order.
  static let tolerance = 1e-5

  /// A prompt, a part of it with another end, one that has only its first token, and one that is longer.
  private static func texts(_ reference: FamilyReference) throws -> [[Int32]] {
    let prompt = try reference.prompt(0)
    return [
      prompt, Array(prompt[..<6]) + [7, 11, 13], [prompt[0], 5],
      [prompt[0], 5, 3, 9, 2, 8, 4, 6, 10, 12, 14], [3, 5],
    ]
  }

  /// Each text's new tokens, behind what it shares with the one before.
  private static func sequences(_ texts: [[Int32]]) -> [TokenSequence] {
    texts.indices.map { index in
      let before = index == 0 ? [] : texts[index - 1]
      let count = min(zip(before, texts[index]).prefix { $0 == $1 }.count, texts[index].count - 1)
      return TokenSequence(Array(texts[index][count...]), sharing: count)
    }
  }

  @Test(arguments: FamilyReference.names)
  func `a sequence that goes on from another is as if it were whole`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let texts = try Self.texts(reference)
    let run = try network.run(Self.sequences(texts))
    for (index, text) in texts.enumerated() {
      let whole = try network.run([TokenSequence(text)])
      let rows = run.sequenceRows[index]
      let found = network.logits(of: run, rows: Array(rows)).rows.matrix()
      let wanted = network.logits(of: whole, rows: Array(text.count - rows.count..<text.count)).rows.matrix()
      #expect(relativeError(found.elements, wanted.elements) < Self.tolerance)
    }
  }

  @Test(arguments: FamilyReference.names)
  func `rows that alone are finished are those of a whole run`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let texts = try Self.texts(reference)
    for sequences in [Self.sequences(texts), texts.map { TokenSequence($0) }] {
      let whole = try network.run(sequences)
      let rows = (0..<whole.hidden.count).filter { $0 % 3 == 1 || $0 == 0 }
      let run = try network.run(sequences, finishing: rows)
      #expect(run.hidden.count == rows.count)
      let found = network.logits(of: run, rows: rows).rows.matrix()
      let wanted = network.logits(of: whole, rows: rows).rows.matrix()
      #expect(relativeError(found.elements, wanted.elements) < Self.tolerance)
    }
  }

  @Test func `one thread gives the bits of several`() throws {
    let reference = try FamilyReference("qwen2")
    let texts = try Self.texts(reference)
    let bits = try [1, 2, 4].flatMap { threads in
      let network = try reference.network(threads: threads)
      return try [network, network.alone].map { network in
        let run = try network.run(Self.sequences(texts), finishing: [1, 8, 9, 20])
        return network.logits(of: run, rows: [1, 8, 9, 20]).rows.matrix().elements
      }
    }
    #expect(bits.allSatisfy { $0 == bits[0] })
    #expect(try reference.network(threads: 3).alone.threads == 1)
  }

  @Test func `a row's summary is its most probable token and log-probabilities`() throws {
    let reference = try FamilyReference("gpt2")
    let network = try reference.network()
    let run = try network.run([TokenSequence(try reference.prompt(1))])
    let logits = network.lastLogits(of: run)
    let summary = logits.summaries(of: [[3, 0, 17]], threads: 2)[0]
    #expect(summary.best == logits.mostProbable(row: 0))
    #expect(summary.logProbabilities == [3, 0, 17].map { logits.logProbability(row: 0, token: $0) })
  }
}

/// Rows that begin alike.
@Suite struct AlikeRowsTests {
  @Test func `rows of one token, and of one position where that counts, are one kind`() throws {
    let batch = Batch([TokenSequence([5, 6, 5]), TokenSequence([6, 6], sharing: 1), TokenSequence([5, 6])])
    let byToken = try #require(AlikeRows(batch, byPosition: false))
    #expect(byToken.firsts == [0, 1])
    #expect(byToken.kinds == [0, 1, 0, 1, 1, 0, 1])
    let byPosition = try #require(AlikeRows(batch, byPosition: true))
    #expect(byPosition.firsts == [0, 1, 2, 4])
    #expect(byPosition.kinds == [0, 1, 2, 1, 3, 0, 1])
    #expect(AlikeRows(Batch([TokenSequence([1, 2, 3, 4])]), byPosition: false) == nil)
  }

  @Test(arguments: FamilyReference.names)
  func `texts side by side are as if they were alone`(family: String) throws {
    let reference = try FamilyReference(family)
    let network = try reference.network()
    let text: [Int32] = [5, 6, 5, 7, 5, 6]
    let run = try network.run([TokenSequence](repeating: TokenSequence(text), count: 3))
    var wanted = try network.run([TokenSequence(text)]) { _, _, _ in }.hidden.matrix().elements
    wanted += wanted + wanted
    #expect(relativeError(run.hidden.matrix().elements, wanted) < 1e-5)
  }
}
