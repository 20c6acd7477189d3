public import ModelFiles

extension ModelFile {
  /// Identifies the weights whatever files they lie in: SHA-256 over name, type, shape and digest of each tensor, by name.
  public func digest(threads: Int) throws -> Digest {
    var bytes: [UInt8] = []
    for tensor in tensors.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      bytes += Array("\(tensor.name) \(tensor.elementType.rawValue) \(tensor.shape)\n".utf8)
      bytes += try Digest(of: tensor, in: file(of: tensor), threads: threads).bytes
    }
    return Digest(of: bytes)
  }
}
