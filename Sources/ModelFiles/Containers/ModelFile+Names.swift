extension ModelFile {
  /// The model's own names that come nearest to names it does not have, nearest first; none where nothing comes near.
  ///
  /// Names with most of the last parts alike come first: programs put something before a name far more often than they change it.
  public func names(near wanted: [String]) -> [String] {
    var best: [(name: String, alike: Int)] = []
    for name in wanted.prefix(4) {
      let parts = name.split(separator: ".")
      for tensor in tensors {
        let own = tensor.name.split(separator: ".")
        let alike = zip(parts.reversed(), own.reversed()).prefix { $0 == $1 }.count
        // The ending alone says nothing; where a name has no more than one part before it, that part must be there.
        guard alike >= min(3, parts.count), alike > 1 || parts.count == 1 else { continue }
        best.append((tensor.name, alike))
      }
    }
    best.sort { ($1.alike, $0.name.count, $0.name) < ($0.alike, $1.name.count, $1.name) }
    var names: [String] = []
    for (name, _) in best where !names.contains(name) {
      names.append(name)
      if names.count == Self.nearNameLimit { break }
    }
    return names
  }

  private static let nearNameLimit = 3
}
