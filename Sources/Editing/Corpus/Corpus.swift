public import Floor
internal import Patches

internal import ModelFiles

/// Text for second moments: documents of one or several files, in order.
///
/// A file is one of four kinds; its first 64 KiB decide, after decompression:
/// - JSON lines, when its first byte that is not white space is `{`: objects one after another, the `text` of each a document;
/// - a JSON array, when it begins with `[` and then with an object or a whole string: each element a document, by its `text` or itself;
/// - plain text with blank lines between documents, when a line of only white space stands between two others there;
/// - plain text with one document a line otherwise.
///
/// Each may be compressed with gzip or zstd, which its first bytes tell, not its name. A document has up to 16 MiB;
/// longer ones are refused: where nothing stands between documents, statistics would see the beginning only. Blank
/// documents are not counted, and a byte-order mark is passed over.
public struct Corpus: Sendable {
  /// The files.
  public let paths: [String]
  /// The part to be read, if not the whole.
  public let shard: Shard?

  /// Names the files, and the part of them to be read.
  public init(_ paths: [String], shard: Shard? = nil) {
    self.paths = paths
    self.shard = shard
  }

  /// One of several equal parts: the documents whose index leaves the remainder `number − 1`.
  public struct Shard: Equatable, Sendable {
    /// Which part, from 1.
    public let number: Int
    /// How many parts there are.
    public let count: Int

    /// More parts than anybody makes; a file that says so must not make its reader look for each.
    public static let countLimit = 1 << 20

    /// One part of several; `nil` where there is no such part.
    public init?(_ number: Int, of count: Int) {
      guard (1...Self.countLimit).contains(count), (1...count).contains(number) else { return nil }
      self.number = number
      self.count = count
    }

    /// Whether a document belongs to the part.
    public func contains(_ index: Int) -> Bool { index % count == number - 1 }
  }

  /// Bytes of all files, as they lie on the disk.
  public func byteCount() throws -> Int {
    try paths.reduce(0) { try $0 + OpenFile($1, .reading).size() }
  }

  /// Starts reading.
  public func documents() -> CorpusReader { CorpusReader(self) }
}

/// One document of a corpus.
public struct CorpusDocument: Equatable, Sendable {
  /// What it says.
  public let text: String
  /// Its number in the whole corpus, from 0, whichever part is read.
  public let index: Int
}

/// Hands out the documents of a corpus one by one; holds about one of them in memory.
public struct CorpusReader {
  private let corpus: Corpus
  private var file: CorpusFile?
  private var nextFile = 0
  private var nextIndex = 0
  private var finishedBytes = 0
  /// SHA-256 of the text of each file read to its end.
  public private(set) var digests: [Digest] = []

  init(_ corpus: Corpus) { self.corpus = corpus }

  /// How far in the files, as they lie on the disk.
  public var bytesRead: Int { finishedBytes + (file?.bytesRead ?? 0) }

  /// Identifies the text once all of it was read, whichever part was handed out: for one file SHA-256 of its bytes after
  /// decompression, as `sha256sum` prints it; for several SHA-256 of their digests, one after another.
  public var digest: Digest? {
    guard digests.count == corpus.paths.count else { return nil }
    return digests.count == 1 ? digests[0] : Digest(leaves: digests)
  }

  /// The next document of the part; `nil` at the end.
  ///
  /// - Throws: `CorpusError`; `ModelFileError` when a file cannot be read.
  public mutating func next() throws -> CorpusDocument? {
    while true {
      guard let current = file else {
        guard nextFile < corpus.paths.count else { return nil }
        file = try CorpusFile(corpus.paths[nextFile])
        nextFile += 1
        continue
      }
      guard let text = try current.next() else {
        digests.append(current.digest)
        finishedBytes += current.bytesRead
        file = nil
        continue
      }
      defer { nextIndex += 1 }
      if corpus.shard?.contains(nextIndex) ?? true { return CorpusDocument(text: text, index: nextIndex) }
    }
  }
}
