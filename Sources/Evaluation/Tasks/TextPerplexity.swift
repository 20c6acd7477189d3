internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Synchronization
public import Transformer

/// How well a network foresees a text.
///
///     exp(−1/n Σ log p(token | those before it in its window))
public struct TextPerplexity: Sendable {
  private let network: Network
  private let windowLength: Int

  /// Windows that are run together hold about so many tokens.
  private static let rowLimit = 2048

  /// - Parameter windowLength: tokens of a window; fewer where the network has fewer positions.
  public init(network: Network, windowLength: Int) {
    self.network = network
    self.windowLength = max(2, min(windowLength, network.configuration.positionCount))
  }

  /// Perplexity of a text file.
  ///
  /// - Throws: `ModelFileError` for a file that is not text, `EvaluationError.textTooShort`.
  public func perplexity(ofFile path: String, _ tokenizer: Tokenizer) throws -> Double {
    let file = try TextFile(path, .text, limit: TextFile.Limit.text)
    let encoder = PromptEncoder(tokenizer, for: network.configuration)
    guard let value = try perplexity(of: encoder.prompt(file.text).tokens) else {
      throw EvaluationError.textTooShort(file: path)
    }
    return value
  }

  /// Perplexity of the first window as the reference takes it: the sum of the losses is divided by the number of tokens, although the
  /// first of them is not foreseen.
  ///
  ///     exp(−1/n Σ log p(token | those before it)),  n tokens, n − 1 terms
  ///
  /// - Source: kmeng01/rome, `util/perplexity.py`.
  func essence(of tokens: [Int32]) throws -> Double? {
    let window = Array(tokens.prefix(windowLength))
    return window.count < 2 ? nil : exp(try loss(of: [window]) / Double(window.count))
  }

  /// Perplexity of tokens; `nil` for fewer than two.
  func perplexity(of tokens: [Int32]) throws -> Double? {
    let windows = stride(from: 0, to: tokens.count, by: windowLength).map {
      Array(tokens[$0..<min($0 + windowLength, tokens.count)])
    }.filter { $0.count > 1 }
    guard !windows.isEmpty else { return nil }
    var (sum, count) = (0.0, 0)
    var next = 0
    while next < windows.count {
      let end = min(windows.count, next + max(1, Self.rowLimit / windowLength))
      let part = Array(windows[next..<end])
      sum += try loss(of: part)
      count += part.reduce(0) { $0 + $1.count - 1 }
      next = end
    }
    return exp(sum / Double(count))
  }

  private func loss(of windows: [[Int32]]) throws -> Double {
    let run = try network.run(windows.map { TokenSequence($0.dropLast()) })
    let wanted = windows.flatMap { $0.dropFirst() }
    let slice = max(16, (64 << 20) / (network.configuration.vocabularySize * 4))
    var sum = 0.0
    for start in stride(from: 0, to: wanted.count, by: slice) {
      let rows = start..<min(start + slice, wanted.count)
      let logits = network.logits(of: run, rows: Array(rows))
      let losses = Mutex([Double](repeating: 0, count: rows.count))
      try parallelFor(rows.count, width: network.threads, state: {}) { row, _ in
        let loss = -Double(logits.logProbability(row: row, token: Int(wanted[rows.lowerBound + row])))
        losses.withLock { $0[row] = loss }
      }
      sum += losses.withLock { $0.reduce(0, +) }
    }
    return sum
  }
}
