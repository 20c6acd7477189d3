import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

@Suite struct StatisticsCollectionTests {
  let folder: TemporaryFolder
  static let corpus = PackageFiles.path("Fixtures/world/corpus.txt")

  init() throws { folder = try TemporaryFolder() }

  /// The first lines of the world's corpus, as a file.
  private func lines(_ count: Int, as name: String = "text.txt") throws -> String {
    let bytes = try FileBytes.read(Self.corpus)
    let lines = bytes.split(separator: 0x0A).prefix(count)
    return try folder.write(Array(lines.joined(separator: [0x0A])) + [0x0A], to: name)
  }

  private func collection(_ model: FixtureModel, _ corpus: Corpus, layers: [Int] = [1, 2]) throws
    -> StatisticsCollection
  {
    try StatisticsCollection(
      network: model.network, tokenizer: model.tokenizer, corpus: corpus, layers: layers)
  }

  /// The largest difference of two symmetric sums, relative to √(C_ii C_jj).
  private func difference(_ found: Matrix<Double>, _ wanted: Matrix<Double>) -> Double {
    let (a, b, width) = (found.elements, wanted.elements, wanted.rows)
    let scales = (0..<width).map { b[$0 * width + $0].squareRoot() + 1e-30 }
    var largest = 0.0
    for i in 0..<width {
      for j in 0...i {
        largest = max(largest, (a[i * width + j] - b[i * width + j]).magnitude / (scales[i] * scales[j]))
      }
    }
    return largest
  }

  private func sum(_ file: StatisticsFile, _ weight: String) throws -> Matrix<Double> {
    try file.container.matrix(weight + ".second_moment_sum")
  }

  @Test(arguments: FixtureModel.names)
  func `the sums over the whole corpus are the reference program's`(name: String) throws {
    let model = try FixtureModel(name, threads: 4)
    let path = folder.path("statistics")
    let (state, resumed) = try collection(model, Corpus([Self.corpus])).write(to: path)
    let (found, wanted) = (try StatisticsFile(path), try model.statistics())
    #expect(state.documents == 600 && resumed == 0)
    #expect(found.weights == wanted.weights)
    for weight in wanted.weights {
      let count = try wanted.tokenCount(of: weight)
      #expect(try found.tokenCount(of: weight) == count && state.tokens == count)
      #expect(try difference(sum(found, weight), sum(wanted, weight)) < 1e-6, "\(weight)")
    }
    #expect(
      found.container.note("corpus") == "sha256:063c9c7303e62ef1"
        + (found.container.note("corpus") ?? "").dropFirst(23))
    #expect(
      found.container.note("model") == "fingerprint:\(try model.network.model.fingerprint().hexadecimal)")
    #expect(try found.origin(for: model.network.model) == .thisModel)
    #expect(
      try found.origin(for: FixtureModel(FixtureModel.names.first { $0 != name }!).network.model)
        == .otherModel)
    #expect(found.container.note("progress") == nil)
  }

  @Test func `the number of threads changes no bit`() throws {
    let text = try lines(50)
    let files = try [1, 2, 4].map { threads in
      try collection(FixtureModel("tiny-llama", threads: threads), Corpus([text])).write(
        to: folder.path("\(threads)"))
      return try folder.read("\(threads)")
    }
    #expect(files[0] == files[1] && files[1] == files[2])
  }

  @Test(arguments: FixtureModel.names) func `shards add up to the whole`(name: String) throws {
    let model = try FixtureModel(name)
    let text = try lines(60)
    try collection(model, Corpus([text])).write(to: folder.path("whole"))
    let shards = try (1...3).map { number in
      let path = folder.path("shard \(number)")
      try collection(model, Corpus([text], shard: Corpus.Shard(number, of: 3))).write(to: path)
      return try StatisticsFile(path)
    }
    try StatisticsFile.merge(shards, to: folder.path("merged"))
    let (merged, whole) = (
      try StatisticsFile(folder.path("merged")), try StatisticsFile(folder.path("whole"))
    )
    for weight in whole.weights {
      #expect(try merged.tokenCount(of: weight) == whole.tokenCount(of: weight))
      // Merging is exact; what differs is where the Float products of the batches were cut.
      #expect(try difference(sum(merged, weight), sum(whole, weight)) < 1e-6)
      let sums = try shards.map { try sum($0, weight) }
      #expect(try difference(sum(merged, weight), sums[0].plus(sums[1]).plus(sums[2])) < 1e-14)
    }
    let text0 = whole.container.note("corpus") ?? ""
    #expect(
      merged.container.note("corpus") == (1...3).map { "\(text0), part \($0) of 3" }.joined(separator: " + "))
  }

  @Test func `enough tokens end the reading with the document that reaches them`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let counts = try String(decoding: FileBytes.read(lines(20)), as: UTF8.self).split(separator: "\n")
      .map { min(model.tokenizer.encode(String($0)).tokens.count, 72) }
    var collection = try collection(model, Corpus([lines(20)]))
    for documents in [1, 7, 20] {
      let total = counts.prefix(documents).reduce(0, +)
      for limit in [total, total - counts[documents - 1] + 1] {
        collection.tokenLimit = limit
        let state = try collection.write(to: folder.path("limited")).state
        #expect(state.documents == documents && state.tokens == total)
        let note = try StatisticsFile(folder.path("limited")).container.note("corpus")
        #expect(note == "text.txt, first \(documents) documents")
      }
    }
    collection.tokenLimit = 100_000
    try collection.write(to: folder.path("all"))
    #expect(try StatisticsFile(folder.path("all")).container.note("corpus")?.hasPrefix("sha256:") == true)
  }

  @Test func `a document is read up to the context's length`() throws {
    let model = try FixtureModel("tiny-llama")
    var collection = try collection(model, Corpus([lines(20)]), layers: [0])
    #expect(collection.contextLength == 112)
    collection.contextLength = 5
    #expect(try collection.write(to: folder.path("short")).state.tokens == 100)
  }

  @Test func `layers of the model only, and a text that says something`() throws {
    let model = try FixtureModel("tiny-gpt2")
    for layers in [[4], [-1, 2], []] {
      #expect(throws: EditError.layersOutsideModel(layers: layers, layerCount: 4)) {
        try collection(model, Corpus([Self.corpus]), layers: layers)
      }
    }
    let empty = try folder.write(Array(" \n\n\n".utf8), to: "empty.txt")
    #expect(throws: EditError.emptyCorpus(files: [empty])) {
      try collection(model, Corpus([empty])).write(to: folder.path("none"))
    }
    #expect(!Folder.occupied(folder.path("none")))
  }
}
