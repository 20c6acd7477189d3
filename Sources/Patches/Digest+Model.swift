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

  /// The digest of one tensor's bytes.
  package func digest(of tensor: TensorInfo, threads: Int) throws -> Digest {
    try Digest(of: tensor, in: file(of: tensor), threads: threads)
  }

  /// Tells models apart at the price of reading a little: the same as `digest`, over samples of each tensor.
  ///
  /// A sample is the first 64 KiB and 4 KiB at each sixteenth of the rest, its end among them: an edit of any size moves rows all over
  /// a weight, and shows. A single changed row may pass.
  public func fingerprint() throws -> Digest {
    var bytes: [UInt8] = []
    for tensor in tensors.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      bytes += Array("\(tensor.name) \(tensor.elementType.rawValue) \(tensor.shape)\n".utf8)
      var sample: [UInt8] = []
      for range in Self.samples(of: tensor.byteCount) {
        sample += try file(of: tensor).read(range.count, at: tensor.byteRange.lowerBound + range.lowerBound)
      }
      bytes += Digest(of: sample).bytes
    }
    return Digest(of: bytes)
  }

  /// Which bytes of so many are looked at.
  static func samples(of count: Int) -> [Range<Int>] {
    let (head, window, parts) = (1 << 16, 1 << 12, 16)
    guard count > head else { return [0..<count] }
    return [0..<head]
      + (1...parts).map { part in
        let end = head + (count - head) / parts * part + (count - head) % parts * part / parts
        return max(head, end - window)..<end
      }
  }
}
