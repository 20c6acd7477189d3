extension ModelFile {
  /// What the file is for, told by the names of its tensors: safetensors holds weights, statistics, keys and values alike.
  public var use: ModelFileError.FileUse {
    guard format == .safetensors else {
      // An importance matrix stands for second moments.
      return tensors.contains { $0.name.hasSuffix(".in_sum2") } ? .statistics : .model
    }
    func has(_ suffix: String) -> Bool { tensors.contains { $0.name.hasSuffix(suffix) } }
    if has(".second_moment_sum") { return .statistics }
    if has(".residuals") { return .keys }
    if ["values", "starts", "losses", "states"].allSatisfy(contains) { return .values }
    return .model
  }

  /// Refuses a file that is for something else: an argument in another's place.
  ///
  /// - Parameter use: what it is to be; a file of this kind that lacks something is let through, for its reader to say what.
  public func require(_ use: ModelFileError.FileUse) throws(ModelFileError) {
    let found: FileContent
    switch self.use {
    case use: return
    case .statistics: found = .statistics
    case .keys: found = .keys
    case .values: found = .values
    default:
      // Any tensors may be a model; what surely is one has weights by that name.
      let isModel =
        format == .gguf || tensors.contains { $0.name.hasSuffix(".weight") && $0.shape.count == 2 }
      guard isModel else { return }
      found = .model
    }
    throw ModelFileError(.otherContent(found: found, expected: use), file: path)
  }
}
