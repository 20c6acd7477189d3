internal import Floor
internal import ModelFiles

extension PatchWriter {
  /// Adds the contents of a file beside the weights, without the bytes that both sides begin and end with: a tokenizer of
  /// megabytes usually differs in a few lines.
  func append(_ file: ModelComparison.Beside) throws -> BesideFile {
    let base = try file.base.map(BesideFile.read)
    let result = try file.result.map(BesideFile.read)
    var (prefix, suffix) = (0, 0)
    if let base, let result {
      prefix = zip(base, result).prefix { $0 == $1 }.count
      suffix = zip(base[prefix...].reversed(), result[prefix...].reversed()).prefix { $0 == $1 }.count
    }
    func side(_ bytes: [UInt8]?) throws -> BesideFile.Side? {
      guard let bytes else { return nil }
      let middle = Array(bytes[prefix..<bytes.count - suffix])
      return BesideFile.Side(
        byteCount: bytes.count, digest: Digest(of: bytes), blocks: try append(middle, planesOf: 1))
    }
    return BesideFile(
      name: file.name, prefix: prefix, suffix: suffix, base: try side(base), result: try side(result))
  }
}

extension BesideFile {
  /// The bytes of a file, if it is not longer than one that travels.
  static func read(_ path: String) throws -> [UInt8] {
    let file = try OpenFile(path, .reading)
    let size = try file.size()
    guard size <= byteLimit else {
      throw PatchError.fileTooLarge(file: path, byteCount: size, limit: byteLimit)
    }
    return try file.read(size, at: 0)
  }
}
