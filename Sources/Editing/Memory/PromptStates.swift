internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization
internal import Patches
internal import Transformer

/// What the layers of an unedited network make of texts, by which facts are told apart: of
///
///     x / √(mean x²)   of what enters a block
///
/// the mean over the text's tokens, or the last token's; one layer behind the other. Every text is run by itself on one thread, so its numbers
/// have the same bits whatever else is asked. `Formats/memory.md`, *States*.
final class PromptStates: Sendable {
  private let network: Network
  private let encoder: PromptEncoder
  private let threads: Int
  private let known = Mutex<[Key: [Float]]>([:])

  private struct Key: Hashable {
    let text: String
    let choice: StateChoice
  }

  /// Texts whose states are kept.
  private static let limit = 1 << 14

  init(network: Network, encoder: PromptEncoder) {
    (self.network, self.encoder, threads) = (network.alone, encoder, network.threads)
  }

  /// Numbers of a state.
  func width(_ choice: StateChoice) -> Int { choice.count * network.configuration.width }

  /// A text's state; zeros for a text without a token. `[choice.count × width]`
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`.
  func state(of text: String, _ choice: StateChoice) throws -> [Float] {
    let key = Key(text: text, choice: choice)
    if let found = known.withLock({ $0[key] }) { return found }
    let state = try BLASThreads.with(1) { try run(text, choice) }
    known.withLock {
      if $0.count >= Self.limit { $0 = [:] }
      $0[key] = state
    }
    return state
  }

  /// States of many texts, one thread for each.
  func states(of texts: [String], _ choice: StateChoice) throws -> [[Float]] {
    let found = Mutex([[Float]](repeating: [], count: texts.count))
    try parallelFor(texts.count, width: threads, state: {}) { index, _ in
      let state = try state(of: texts[index], choice)
      found.withLock { $0[index] = state }
    }
    return found.withLock { $0 }
  }

  private func run(_ text: String, _ choice: StateChoice) throws -> [Float] {
    let encoded = try encoder.prompt(text)
    let (count, width) = (network.configuration.layerCount, network.configuration.width)
    // What stands at the beginning of every text says nothing of this one.
    let own = encoded.byteRanges.indices.filter { !encoded.byteRanges[$0].isEmpty }
    guard let end = own.last, choice.last <= count else {
      return [Float](repeating: 0, count: self.width(choice))
    }
    var (means, ends): ([Int: [Float]], [Int: [Float]]) = ([:], [:])
    func take(_ layer: Int, _ rows: Rows) {
      if choice.layers.contains(layer) { means[layer] = Self.mean(rows.matrix(rows: own)) }
      if choice.ends.contains(layer) { ends[layer] = Self.mean(rows.matrix(rows: [end])) }
    }
    let sequence = TokenSequence(encoded.tokens)
    take(0, try network.run([sequence], Network.Span(0..<0)).hidden)
    if choice.last > 0 {
      _ = try network.run([sequence], Network.Span(0..<choice.last), keyLayers: []) {
        layer, activation, rows in
        if activation == .hidden { take(layer + 1, rows) }
      }
    }
    let zeros = [Float](repeating: 0, count: width)
    return choice.layers.flatMap { means[$0] ?? zeros } + choice.ends.flatMap { ends[$0] ?? zeros }
  }

  /// The mean of the rows, each divided by the root of its mean square.
  static func mean(_ rows: Matrix<Float>) -> [Float] {
    var mean = [Float](repeating: 0, count: rows.columns)
    for index in 0..<rows.rows {
      let row = Array(rows.row(index))
      let size = Float((row.sumOfSquares / Double(row.count)).squareRoot())
      guard size > 0 else { continue }
      for column in row.indices { mean[column] += row[column] / size / Float(rows.rows) }
    }
    return mean
  }
}

/// What a route makes of a state.
struct PromptEmbedding {
  /// The mean state of a part's facts, or of those that a classifier was trained on.
  let center: [Float]
  /// What a classifier looks at; `nil` for directions alone. `[rank × center.count]`
  var head: Matrix<Float>?

  /// head (state − center); without a head, state − center of length one. Zeros where nothing is left, nothing for a state of another length.
  func callAsFunction(_ state: [Float]) -> [Float] {
    guard state.count == center.count else { return [] }
    var embedding = zip(state, center).map { $0 - $1 }
    if let head { return head.plainProduct(embedding) }
    let length = Float(embedding.sumOfSquares.squareRoot())
    if length > 0 { for index in embedding.indices { embedding[index] /= length } }
    return embedding
  }
}
