internal import ModelFiles

/// Which texts, and which parts of them, the sums of some files are of, as far as the files say.
///
/// A note `corpus` reads "sha256:…, part 2 of 3", with ` + ` between those of merged files. Names that people gave are believed: only
/// digests and parts can be held against each other.
struct StatisticsParts {
  private var texts: [String: PartSet] = [:]

  /// - Throws: `PartsError.repeatedPart`, `differentParts`.
  init(_ files: [StatisticsFile]) throws {
    for file in files {
      for entry in (file.container.note("corpus") ?? "").split(" + ") {
        guard let (name, part, count) = Self.read(entry) else { continue }
        try texts[name, default: PartSet(of: name)].add(part, of: count, file: file.container.path)
      }
    }
  }

  /// Text, part and count of an entry; `nil` for one that says neither digest nor part.
  private static func read(_ entry: String) -> (text: String, part: Int, count: Int)? {
    let pieces = entry.split(", ")
    if let numbers = pieces.last?.wholeMatch(of: /part ([0-9]+) of ([0-9]+)/),
      let part = Int(numbers.output.1), let count = Int(numbers.output.2),
      let shard = Corpus.Shard(part, of: count)
    {
      // How far each part was read may differ.
      let text = pieces.dropLast().filter { $0.wholeMatch(of: /first [0-9]+ documents/) == nil }
      return (text.joined(separator: ", "), shard.number, shard.count)
    }
    return entry.hasPrefix("sha256:") ? (entry, 0, 0) : nil
  }

  /// Refuses texts of which parts are missing, and names those.
  func check(isIncomplete: Bool) throws {
    guard !isIncomplete else { return }
    for (_, text) in texts.sorted(by: { $0.key < $1.key }) { try text.requireAll() }
  }
}

extension String {
  /// The pieces between a separator.
  fileprivate func split(_ separator: String) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      pieces.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return pieces + [String(rest)]
  }
}
