internal import ModelFiles

extension Network {
  /// Why logits are no numbers: names the first weight that holds a NaN or an infinity. Reads the whole model, so it is for when something
  /// went wrong.
  public func notNumbers() throws -> NetworkError {
    for tensor in model.tensors where tensor.elementType.isDecodable {
      if try !isFinite(tensor) { return .notNumbers(tensor: tensor.name) }
    }
    return .notNumbers(tensor: nil)
  }

  /// Blocks that are decoded at a time.
  private static let blockCount = 1 << 14

  private func isFinite(_ tensor: TensorInfo) throws -> Bool {
    let type = tensor.elementType
    let (elements, size) = (type.blockElementCount, type.bitCount / 8)
    let all = overlay[tensor.name]
    var floats = [Float](repeating: 0, count: Self.blockCount * elements)
    for first in stride(from: 0, to: tensor.byteCount, by: Self.blockCount * size) {
      let range = first..<min(first + Self.blockCount * size, tensor.byteCount)
      let bytes =
        try all.map { Array($0[range]) }
        ?? model.file(of: tensor).read(range.count, at: tensor.byteRange.lowerBound + first)
      let count = range.count / size * elements
      floats.withUnsafeMutableBufferPointer { floats in
        bytes.withUnsafeBytes {
          type.decode($0, into: UnsafeMutableBufferPointer(rebasing: floats[..<count]))
        }
      }
      if floats[..<count].contains(where: { !$0.isFinite }) { return false }
    }
    return true
  }
}
