internal import Floor
internal import Glibc
internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Normal noise on the embeddings of a subject.
///
/// Number i of sample s comes from the draws 2 (s · count + i) and the next of SplitMix64, by Box and Muller: neither order nor threads show.
struct TraceNoise {
  let deviation: Double
  let seed: UInt64

  /// Noise for a sample of so many numbers.
  func numbers(_ count: Int, sample: Int) -> [Float] {
    (0..<count).map { index in
      let place = 2 * (sample * count + index)
      // (0, 1], so that it has a logarithm.
      let radius = (Double(SplitMix64.draw(place, seed: seed) >> 11) + 1) * 0x1p-53
      let angle = Double(SplitMix64.draw(place + 1, seed: seed) >> 11) * 0x1p-53
      return Float(deviation * (-2 * log(radius)).squareRoot() * cos(2 * .pi * angle))
    }
  }

  /// Standard deviation of all numbers of some tokens' embeddings, repeats included; `nil` for fewer than two numbers.
  ///
  /// - Source: kmeng01/rome, `experiments/causal_trace.py`, `collect_embedding_std`, which takes `torch.std`.
  static func deviation(of tokens: [Int32], in network: Network) throws -> Double? {
    var (sum, squares, count) = (0.0, 0.0, 0)
    // Twice, so that nothing is lost where the mean is large.
    for pass in 0..<2 {
      let mean = pass == 0 ? 0 : sum / Double(count)
      squares = 0
      for first in stride(from: 0, to: tokens.count, by: 4096) {
        let part = try network.embeddings(of: Array(tokens[first..<min(first + 4096, tokens.count)]))
        for number in part.elements {
          if pass == 0 {
            sum += Double(number)
            count += 1
          } else {
            squares += (Double(number) - mean) * (Double(number) - mean)
          }
        }
      }
    }
    return count > 1 ? (squares / Double(count - 1)).squareRoot() : nil
  }
}
