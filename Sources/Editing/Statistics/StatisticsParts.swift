internal import ModelFiles

/// Which texts, and which parts of them, the sums of some files are of, as far as the files say.
///
/// A note `corpus` reads "sha256:…, part 2 of 3", with ` + ` between those of merged files. Names that people gave are believed: only
/// digests and parts can be held against each other.
struct StatisticsParts {
  private var texts: [String: Text] = [:]

  private struct Text {
    /// Files by part; part 0 of 0 is the whole.
    var files: [Int: String] = [:]
    var count = 0
    var first = ""
  }

  /// - Throws: `StatisticsError.repeatedText`, `differentParts`.
  init(_ files: [StatisticsFile]) throws {
    for file in files {
      for entry in (file.container.note("corpus") ?? "").split(" + ") {
        try add(entry, of: file.container.path)
      }
    }
  }

  private mutating func add(_ entry: String, of file: String) throws {
    guard let (name, part, count) = Self.read(entry) else { return }
    var text = texts[name] ?? Text()
    if text.files.isEmpty {
      (text.count, text.first) = (count, file)
    } else if text.count != count {
      throw StatisticsError.differentParts(first: text.first, second: file, text: name)
    }
    if let other = text.files[part] {
      throw StatisticsError.repeatedText(
        first: other, second: file, text: count == 0 ? name : "\(name), part \(part) of \(count)")
    }
    text.files[part] = file
    texts[name] = text
  }

  /// Text, part and count of an entry; `nil` for one that says neither digest nor part.
  private static func read(_ entry: String) -> (text: String, part: Int, count: Int)? {
    let pieces = entry.split(", ")
    if let numbers = pieces.last?.wholeMatch(of: /part ([0-9]+) of ([0-9]+)/),
      let part = Int(numbers.output.1), let count = Int(numbers.output.2), (1...max(count, 1)).contains(part)
    {
      // How far each part was read may differ.
      let text = pieces.dropLast().filter { $0.wholeMatch(of: /first [0-9]+ documents/) == nil }
      return (text.joined(separator: ", "), part, count)
    }
    return entry.hasPrefix("sha256:") ? (entry, 0, 0) : nil
  }

  /// Refuses texts of which parts are missing, and names those.
  func check(isIncomplete: Bool) throws {
    guard !isIncomplete else { return }
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) where text.count > 0 {
      let missing = (1...text.count).filter { text.files[$0] == nil }
      guard missing.isEmpty else {
        throw StatisticsError.missingParts(text: name, missing: missing, count: text.count)
      }
    }
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
