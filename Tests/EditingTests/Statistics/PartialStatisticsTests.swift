import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

/// What an interrupted collection leaves, and what goes on from it.
@Suite struct PartialStatisticsTests {
  let folder: TemporaryFolder
  let model: FixtureModel
  let text: String

  init() throws {
    folder = try TemporaryFolder()
    model = try FixtureModel("tiny-llama")
    let bytes = try FileBytes.read(PackageFiles.path("Fixtures/world/corpus.txt"))
    text = try folder.write(
      Array(bytes.split(separator: 0x0A).prefix(110).joined(separator: [0x0A])), to: "text.txt")
  }

  private func collection(_ corpus: Corpus? = nil, layers: [Int] = [1, 2]) throws -> StatisticsCollection {
    var collection = try StatisticsCollection(
      network: model.network, tokenizer: model.tokenizer, corpus: corpus ?? Corpus([text]), layers: layers)
    collection.saveInterval = 0
    return collection
  }

  /// The files that lie under the output's name after each batch of an undisturbed run, and the last.
  private func files(_ collection: StatisticsCollection) throws -> [[UInt8]] {
    let path = folder.path("out")
    var files: [[UInt8]] = []
    _ = try collection.write(to: path) { _ in
      if let bytes = try? FileBytes.read(path) { files.append(bytes) }
    }
    files.append(try FileBytes.read(path))
    Folder.remove(path)
    return files
  }

  @Test func `going on from any partial file ends with the same bytes`() throws {
    let files = try files(collection())
    #expect(files.count >= 3, "some partial files")
    for partial in files.dropLast() {
      let path = try folder.write(partial, to: "resumed")
      let file = try StatisticsFile(path)
      #expect(file.container.note("progress") != nil)
      #expect(file.container.note("corpus") == "text.txt (partly)")
      let count = try file.tokenCount(of: file.weights[0])
      #expect(try file.secondMoment(of: file.weights[0]).tokenCount == count)
      var seen = 0
      let (state, resumed) = try collection().write(to: path) { if seen == 0 { seen = $0.tokens } }
      #expect(resumed == Int(file.container.note("progress") ?? "") && resumed > 0)
      #expect(seen > count && state.documents == 110)
      #expect(try folder.read("resumed") == files.last!)
    }
  }

  @Test func `a limit of tokens and a shard go on as well`() throws {
    var limited = try collection(Corpus([text], shard: Corpus.Shard(2, of: 2)))
    limited.tokenLimit = 2500
    let files = try files(limited)
    let path = try folder.write(files[0], to: "resumed")
    #expect(try limited.write(to: path).resumed > 0)
    #expect(try folder.read("resumed") == files.last!)
  }

  @Test func `whole statistics under the name are made again`() throws {
    let path = folder.path("out")
    _ = try collection().write(to: path)
    let first = try folder.read("out")
    #expect(try collection().write(to: path).resumed == 0)
    #expect(try folder.read("out") == first)
  }

  @Test func `the beginning of something else is refused by what differs`() throws {
    let path = try folder.write(files(collection())[0], to: "partial")
    let other = try folder.write(Array("other".utf8), to: "other.txt")
    var (limited, shorter) = (try collection(), try collection())
    limited.tokenLimit = 9000
    shorter.contextLength = 50
    let gpt2 = try FixtureModel("tiny-gpt2")
    let cases: [(String, StatisticsCollection)] = [
      ("corpus", try collection(Corpus([other]))), ("corpus", try collection(Corpus([text, other]))),
      ("corpus", try collection(Corpus([text], shard: Corpus.Shard(1, of: 2)))),
      ("settings", try collection(layers: [1])), ("settings", limited), ("settings", shorter),
      (
        "model",
        try StatisticsCollection(
          network: gpt2.network, tokenizer: gpt2.tokenizer, corpus: Corpus([text]), layers: [1, 2])
      ),
    ]
    let before = try folder.read("partial")
    for (key, collection) in cases {
      let error = #expect(throws: EditError.self) { try collection.write(to: path) }
      guard case .otherPartialStatistics(_, let found, let expected, let there) = error else {
        Issue.record("refused as \(String(describing: error))")
        continue
      }
      #expect(found == key && expected != there)
    }
    #expect(try folder.read("partial") == before)
  }

  @Test func `a damaged partial file is not gone on from`() throws {
    var bytes = try files(collection())[0]
    bytes.removeLast(8)
    let path = try folder.write(bytes, to: "cut")
    #expect(try collection().write(to: path).resumed == 0)
  }

  @Test func `another text under the same name is not gone on with`() throws {
    let whole = try FileBytes.read(text)
    let files = try files(collection())
    let path = try folder.write(files[1], to: "resumed")
    let lines = whole.split(separator: 0x0A)
    // A changed word in the first document, a document less, and a text that ends before the part that was read.
    var changed = lines
    changed[0] = ArraySlice("Another".utf8) + changed[0]
    for other in [changed, Array(lines.dropFirst()), Array(lines.prefix(3))] {
      try folder.write(Array(other.joined(separator: [0x0A])), to: "text.txt")
      let error = #expect(throws: EditError.self) { try collection().write(to: path) }
      guard case .otherPartialStatistics(path, let key, _, _) = error else {
        Issue.record("refused as \(String(describing: error))")
        continue
      }
      #expect(key.contains("text"))
      #expect(try folder.read("resumed") == files[1])
    }
    // What follows the documents that were read may be another: it is read now.
    try folder.write(Array(lines.dropLast(2).joined(separator: [0x0A])), to: "text.txt")
    #expect(try collection().write(to: path).state.documents == 108)
  }

  @Test func `of two runs with one output the one that finds the other's file stops`() throws {
    let path = folder.path("out")
    let error = #expect(throws: EditError.self) {
      var calls = 0
      _ = try collection().write(to: path) { _ in
        calls += 1
        // Between two of its batches another run saves, or makes its first file.
        if calls == 2 { _ = try? collection().write(to: path) }
      }
    }
    #expect(error == .outputOfAnotherRun(file: path))
    // The other's is whole.
    #expect(try StatisticsFile(path).container.note("progress") == nil)
  }
}
