public import LinearAlgebra
internal import ModelFiles

extension Network {
  /// The tokens' embeddings as the first block gets them, without those of positions. `[tokens × width]`
  ///
  /// - Parameter areScaled: whether they are multiplied as the network does it; else they are the tensor's rows.
  /// - Throws: `NetworkError.unknownToken`.
  public func embeddings(of tokens: [Int32], areScaled: Bool = true) throws -> Matrix<Float> {
    let width = configuration.width
    for token in tokens { try configuration.check(token) }
    var elements = [Float](repeating: 0, count: tokens.count * width)
    elements.withUnsafeMutableBufferPointer { buffer in
      // SAFETY: each token has `width` floats of its own in the buffer, and is one of the network's.
      for (place, token) in tokens.enumerated() {
        let row = buffer.baseAddress! + place * width
        tokenEmbedding.decode(rows: Int(token)..<Int(token) + 1, columns: 0..<width, into: row)
        if areScaled, let embeddingScale { Kernel.scale(row, by: embeddingScale, count: width) }
      }
    }
    return Matrix(rows: tokens.count, columns: width, elements: elements)
  }
}
