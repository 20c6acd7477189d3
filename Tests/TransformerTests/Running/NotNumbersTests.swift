import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// Logits that are no numbers, and tokens that are none of the network's.
@Suite struct NotNumbersTests {
  private func network(_ value: Float, in role: TensorRole = .down) throws -> (Network, String) {
    let network = try FamilyReference("llama2").network()
    let place = role == .down ? TensorPlace(.down, layer: 1) : TensorPlace(role)
    let name = try #require(network.configuration.family.tensorName(of: place, in: network.model))
    let tensor = try network.model.tensor(name)
    var bytes = try network.model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    #expect(tensor.elementType == .bf16)
    withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) {
      bytes.replaceSubrange(8..<10, with: $0)
    }
    var overlay = WeightOverlay()
    overlay[name] = bytes
    return (try network.overlaid(overlay), name)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `the weight is named, scores are none, and generation ends`(value: Float) throws {
    let (network, name) = try network(value)
    let scores = try network.score([
      Continuation(prompt: [1, 2, 3], target: [4, 5]), Continuation(prompt: [5], target: [6]),
    ])
    #expect(scores.allSatisfy { !$0.isNumber && !$0.meanLogProbability.isFinite })
    #expect(scores.joinedTokens.allSatisfy { (0..<61).contains($0) })
    #expect(try network.notNumbers() == .notNumbers(tensor: name))
    #expect(try network.generate([[1, 2], [3]], count: 5) == [[], []])
    #expect(try network.generate([[1, 2]], count: 5, sampling: .top(3, seed: 1)) == [[]])
    let run = try network.run([TokenSequence([1, 2, 3])])
    let logits = network.lastLogits(of: run)
    #expect(!logits.isNumber(row: 0))
    #expect(Set(logits.mostProbable(row: 0, count: 61)) == Set(0..<61))
  }

  @Test func `a network of numbers is not said to be none`() throws {
    let network = try FamilyReference("llama2").network()
    #expect(try network.score([Continuation(prompt: [1], target: [2])])[0].isNumber)
    #expect(try network.notNumbers() == .notNumbers(tensor: nil))
    let (large, name) = try self.network(.infinity, in: .finalNorm)
    #expect(try large.notNumbers() == .notNumbers(tensor: name))
  }

  @Test func `among some that are numbers one of these is the most probable`() throws {
    let network = try FamilyReference("gpt2").network()
    let run = try network.run([TokenSequence([1, 2, 3])])
    let logits = network.lastLogits(of: run)
    let before = logits.mostProbable(row: 0, count: 5)
    for token in [0, before[0]] { logits.rows.row(0)[token] = .nan }
    let rest = before.filter { $0 != 0 && $0 != before[0] }
    #expect(logits.mostProbable(row: 0) == rest[0])
    #expect(Array(logits.mostProbable(row: 0, count: rest.count)) == rest)
    #expect(logits.mostProbable(row: 0, count: 61).suffix(before[0] == 0 ? 1 : 2).contains(before[0]))
    #expect(!logits.isNumber(row: 0))
  }

  @Test(arguments: [61, 62, 1 << 40, -1])
  func `a target that the network lacks is refused before it is looked up`(token: Int) throws {
    let network = try FamilyReference("llama2").network()
    let logits = network.lastLogits(of: try network.run([TokenSequence([1, 2])]))
    #expect(throws: NetworkError.unknownToken(token, vocabularySize: 61)) {
      try network.loss([LossTerm(row: 0, .target(token), weight: 1)], of: logits)
    }
    guard let short = Int32(exactly: token) else { return }
    for item in [
      Continuation(prompt: [1], target: [short]), Continuation(prompt: [1], target: [short, 2]),
      Continuation(prompt: [short], target: [1]),
    ] {
      #expect(throws: NetworkError.unknownToken(token, vocabularySize: 61)) { try network.score([item]) }
    }
    #expect(throws: NetworkError.unknownToken(token, vocabularySize: 61)) {
      try network.generate([[1, short]], count: 1)
    }
  }
}

extension [ContinuationScore] {
  fileprivate var joinedTokens: [Int32] { flatMap(\.mostProbable) }
}
