public import Floor
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

  /// Tells models apart at the price of reading a little: the same as `digest`, over the first 64 KiB of each tensor.
  public func fingerprint() throws -> Digest {
    var bytes: [UInt8] = []
    for tensor in tensors.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      bytes += Array("\(tensor.name) \(tensor.elementType.rawValue) \(tensor.shape)\n".utf8)
      let start = try file(of: tensor).read(min(tensor.byteCount, 1 << 16), at: tensor.byteRange.lowerBound)
      bytes += Digest(of: start).bytes
    }
    return Digest(of: bytes)
  }
}
