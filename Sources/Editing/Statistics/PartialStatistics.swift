internal import Floor
internal import LinearAlgebra
internal import ModelFiles

/// What a collection is of; a partial file is gone on with only where all of it is the same.
struct StatisticsIdentity: Equatable {
  let model: String
  let text: String
  let part: String
  let settings: String

  /// As notes of a partial file.
  var notes: [(key: String, value: String)] {
    [("model", model), ("corpus", text + part + " (partly)"), ("settings", settings)]
  }
}

/// A file that an interrupted collection left.
struct PartialStatistics {
  private let file: StatisticsFile
  /// Documents whose keys are in the sums.
  let documents: Int
  /// The digest of their text.
  private let digest: String

  static let progressNote = "progress"
  static let readNote = "read"

  /// The partial file under a name, if there is one.
  ///
  /// - Throws: `EditError.otherPartialStatistics` when it is of another model, text or setting.
  init?(_ path: String, identity: StatisticsIdentity) throws {
    guard let file = try OpenFile.ownContent(path, { try StatisticsFile($0) }),
      let documents = file.container.note(Self.progressNote).flatMap({ Int($0) }), documents >= 0
    else { return nil }
    for (key, wanted) in identity.notes {
      let found = file.container.note(key) ?? ""
      guard found == wanted else {
        throw EditError.otherPartialStatistics(file: path, key: key, expected: wanted, found: found)
      }
    }
    self.file = file
    self.documents = documents
    digest = file.container.note(Self.readNote) ?? ""
  }

  /// Refuses another text under the names of the one that was begun with: what was read of it must be there again.
  ///
  /// - Parameter found: the digest of as many documents as there are, up to `documents`.
  func requireText(_ found: Digest, documents count: Int) throws {
    guard count == documents, found.hexadecimal == digest else {
      throw EditError.otherPartialStatistics(
        file: file.container.path, key: "the text of the first \(documents) documents",
        expected: found.hexadecimal, found: digest)
    }
  }

  func restore(_ sum: SecondMomentSum, weight: String) throws {
    sum.restore(
      try file.container.matrix(weight + StatisticsFile.sumSuffix, shape: [sum.width, sum.width]),
      count: try file.tokenCount(of: weight), reachedCount: try file.reachedCount(of: weight),
      begin: try file.beginKey(of: weight))
  }
}
