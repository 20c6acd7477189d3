import Editing
import ModelFiles
import TestSupport
import Testing

@Suite struct StatisticsMergeTests {
  let folder: TemporaryFolder
  static let width = 23

  init() throws { folder = try TemporaryFolder() }

  /// A second moment of random keys, whose sizes differ a thousandfold between shards, as corpora do.
  private func sum(_ shard: Int, width: Int = width) -> [Double] {
    var generator = SplitMix64(state: UInt64(shard))
    var sum = [Double](repeating: 0, count: width * width)
    let scale = [1, 1000, 0.03][shard % 3]
    for _ in 0..<9 {
      let key = generator.normals(width).map { $0 * scale }
      for i in 0..<width {
        for j in 0..<width { sum[i * width + j] += key[i] * key[j] }
      }
    }
    return sum
  }

  @discardableResult
  private func write(_ name: String, _ tensors: [NewTensor], _ notes: [(key: String, value: String)] = [])
    throws -> StatisticsFile
  {
    try SafetensorsWriter.write(tensors, metadata: notes, to: folder.path(name))
    return try StatisticsFile(folder.path(name))
  }

  /// Shards of both types, each with its own corpus; every second one lacks the second weight.
  private func shards(_ count: Int) throws -> [StatisticsFile] {
    try (0..<count).map { shard in
      let sum = sum(shard)
      var tensors =
        shard % 2 == 0
        ? StatisticsFileTests.tensors(
          "a", sum: sum.map { Float($0) }, width: Self.width, count: Int64(shard + 1))
        : StatisticsFileTests.tensors("a", sum: sum, width: Self.width, count: Int64(shard + 1))
      if shard % 2 == 0 {
        tensors += StatisticsFileTests.tensors("b", sum: [Float(shard)], width: 1, count: 7)
      }
      return try write("\(shard).safetensors", tensors, [("model", "m"), ("corpus", "part \(shard % 5)")])
    }
  }

  @Test(arguments: [1, 3, 17]) func `any order of the shards gives the same file`(count: Int) throws {
    var shards = try shards(count)
    try StatisticsFile.merge(shards, to: folder.path("first"))
    let first = try folder.read("first")
    var generator = SplitMix64(state: 99)
    for _ in 0..<(count == 1 ? 1 : 8) {
      shards.shuffle(using: &generator)
      try StatisticsFile.merge(shards, to: folder.path("next"))
      #expect(try folder.read("next") == first)
    }
  }

  @Test(arguments: [1, 3, 17]) func `sums are rounded once and counts are exact`(count: Int) throws {
    let shards = try shards(count)
    try StatisticsFile.merge(shards, to: folder.path("all.safetensors"))
    let merged = try StatisticsFile(folder.path("all.safetensors"))
    #expect(merged.weights == ["a", "b"])
    #expect(try merged.tokenCount(of: "a") == count * (count + 1) / 2)
    #expect(try merged.tokenCount(of: "b") == 7 * ((count + 1) / 2))
    #expect(try merged.container.tensor("a.second_moment_sum").elementType == .f64)
    let found = try merged.container.matrix("a.second_moment_sum").elements
    let parts = try shards.map { try $0.container.matrix("a.second_moment_sum").elements }
    for index in found.indices {
      // 80-bit numbers carry eleven bits more; seventeen terms lose at most five of them.
      let exact = parts.reduce(Float80(0)) { $0 + Float80($1[index]) }
      let error = (Float80(found[index]) - exact).magnitude / Float80(found[index].ulp)
      #expect(error <= 0.5 + 0x1p-6, "element \(index)")
    }
    #expect(
      try merged.container.matrix("b.second_moment_sum").elements == [
        stride(from: 0.0, to: Double(count), by: 2).reduce(0, +)
      ])
  }

  @Test func `notes of all shards are kept once each`() throws {
    try StatisticsFile.merge(shards(17), to: folder.path("all.safetensors"))
    let merged = try StatisticsFile(folder.path("all.safetensors"))
    #expect(merged.container.note("model") == "m")
    #expect(merged.container.note("corpus") == "part 0 + part 1 + part 2 + part 3 + part 4")
  }

  @Test func `a shard that does not name its model goes with any`() throws {
    let tensors = StatisticsFileTests.tensors("a", sum: [Float(2)], width: 1, count: 1)
    let shards = [try write("1.safetensors", tensors), try write("2.safetensors", tensors, [("model", "m")])]
    try StatisticsFile.merge(shards, to: folder.path("all.safetensors"))
    #expect(try StatisticsFile(folder.path("all.safetensors")).container.note("model") == "m")
  }

  private func expectRefusal(_ error: StatisticsError, of shards: [StatisticsFile]) throws {
    let before = try Folder.names(in: folder.path)
    #expect(throws: error) { try StatisticsFile.merge(shards, to: folder.path("all.safetensors")) }
    #expect(try Folder.names(in: folder.path) == before)
  }

  @Test func `shards of different models are refused`() throws {
    let tensors = StatisticsFileTests.tensors("a", sum: [Float(2)], width: 1, count: 1)
    let shards = [
      try write("0.safetensors", tensors), try write("1.safetensors", tensors, [("model", "m")]),
      try write("2.safetensors", tensors, [("model", "n")]),
    ]
    try expectRefusal(
      .differentModels(
        first: shards[1].container.path, firstModel: "m", second: shards[2].container.path, secondModel: "n"),
      of: shards)
  }

  @Test func `different widths are refused`() throws {
    let shards = [
      try write("1.safetensors", StatisticsFileTests.tensors("a", sum: [Float(2)], width: 1, count: 1)),
      try write(
        "2.safetensors", StatisticsFileTests.tensors("a", sum: [Float(2), 0, 0, 1], width: 2, count: 1)),
    ]
    try expectRefusal(
      .differentWidths(
        weight: "a", first: shards[0].container.path, firstWidth: 1, second: shards[1].container.path,
        secondWidth: 2), of: shards)
  }

  @Test func `counts beyond 64 bits are refused`() throws {
    let shards = try [Int64.max - 1, 1, 1].enumerated().map { index, count in
      try write(
        "\(index).safetensors", StatisticsFileTests.tensors("a", sum: [Float(2)], width: 1, count: count))
    }
    try StatisticsFile.merge(Array(shards[..<2]), to: folder.path("fits"))
    try expectRefusal(.tokenCountOverflow(weight: "a", files: shards.map(\.container.path)), of: shards)
  }

  @Test(arguments: [[1, Double.nan], [.infinity, 1], [1e308, 1e308]])
  func `a sum that is not finite is refused`(terms: [Double]) throws {
    let shards = try terms.enumerated().map { index, term in
      try write(
        "\(index).safetensors", StatisticsFileTests.tensors("a", sum: [1, 0, 0, term], width: 2, count: 1))
    }
    let before = try Folder.names(in: folder.path)
    let error = #expect(throws: ModelFileError.self) {
      try StatisticsFile.merge(shards, to: folder.path("all.safetensors"))
    }
    #expect(error?.reason == .notFinite(index: 3) && error?.tensor == "a.second_moment_sum")
    #expect(try Folder.names(in: folder.path) == before)
  }

  // MARK: Parts of a text

  private func part(
    _ name: String, _ corpus: String, count: Int64 = 5, more: [NewTensor] = [],
    notes: [(key: String, value: String)] = []
  ) throws -> StatisticsFile {
    try write(
      name, StatisticsFileTests.tensors("a", sum: [Float(count)], width: 1, count: count) + more,
      [("corpus", corpus)] + notes)
  }

  private func merge(_ files: StatisticsFile..., isIncomplete: Bool = false) throws {
    try StatisticsFile.merge(files, to: folder.path("merged"), isIncomplete: isIncomplete)
  }

  @Test func `parts that are missing are named, and none may be there twice`() throws {
    let text = "sha256:ab"
    let parts = try (1...3).map { try part("\($0)", "\(text), part \($0) of 3") }
    try merge(parts[2], parts[0], parts[1])
    #expect(throws: PartsError.missingParts(whole: text, missing: [2], count: 3)) {
      try merge(parts[0], parts[2])
    }
    #expect(throws: PartsError.missingParts(whole: text, missing: [2, 3], count: 3)) {
      try merge(parts[0])
    }
    let copy = try part("copy", "\(text), part 1 of 3")
    #expect(
      throws: PartsError.repeatedPart(
        first: parts[0].container.path, second: copy.container.path, whole: "\(text), part 1 of 3")
    ) { try merge(parts[0], parts[1], parts[2], copy) }
    let quarter = try part("quarter", "\(text), part 4 of 4")
    #expect(
      throws: PartsError.differentParts(
        first: parts[0].container.path, second: quarter.container.path, whole: text)
    ) { try merge(parts[0], quarter) }
    // A text of more parts than anybody makes is no part of several, and nobody looks for the others.
    try merge(part("endless", "\(text), part 1 of \(Int.max)"))
  }

  @Test func `parts are merged in steps where that is asked for, and then all must be there`() throws {
    let parts = try (1...3).map { try part("\($0)", "a.txt, first \(7 * $0) documents, part \($0) of 3") }
    try merge(parts[0], parts[2], isIncomplete: true)
    let half = try StatisticsFile(folder.path("merged"))
    #expect(throws: PartsError.self) { try StatisticsFile.merge([half], to: folder.path("x")) }
    #expect(throws: PartsError.self) {
      try StatisticsFile.merge([half, parts[2]], to: folder.path("x"))
    }
    try StatisticsFile.merge([parts[1], half], to: folder.path("whole"))
    #expect(try StatisticsFile(folder.path("whole")).tokenCount(of: "a") == 15)
  }

  @Test func `one text is not summed twice, but two weights may be of one text`() throws {
    let first = try part("first", "sha256:ab")
    let second = try part("second", "sha256:ab")
    #expect(throws: PartsError.self) { try merge(first, second) }
    try merge(first, part("other", "sha256:cd"), part("own", "my text"), part("mine", "my text"))
    let weight = try write(
      "b", StatisticsFileTests.tensors("b", sum: [Float(3)], width: 1, count: 3), [("corpus", "sha256:ab")])
    try merge(first, weight)
  }

  @Test func `what an interrupted collection left is no part yet`() throws {
    let partial = try part("partial", "a.txt (partly)", notes: [("progress", "17")])
    #expect(
      throws: StatisticsError.unfinishedStatistics(file: partial.container.path, documents: "17")
    ) { try merge(partial) }
    try merge(partial, isIncomplete: true)
  }

  // MARK: Begin-of-text tokens

  private func begin(_ name: String, _ count: Int64, tokens: Int64, type: ElementType = .f32) throws
    -> StatisticsFile
  {
    try part(
      name, "text of \(name)", count: tokens,
      more: [
        type == .f32
          ? NewTensor(name: "a.begin_key", elementType: .f32, shape: [1], elements: [Float(1)])
          : NewTensor(name: "a.begin_key", elementType: type, shape: [1], elements: [1.0]),
        NewTensor(name: "a.begin_count", elementType: .i64, shape: [1], elements: [count]),
      ])
  }

  @Test func `begin counts are held against token counts, and may not run over`() throws {
    let many = try begin("many", 9, tokens: 8)
    #expect(
      throws: StatisticsError.beginCountAboveTokens(
        file: many.container.path, weight: "a", begins: 9, tokens: 8)
    ) { try merge(many) }
    let huge = Int64.max - 3
    let two = [try begin("one", huge, tokens: huge), try begin("two", huge, tokens: huge)]
    #expect(throws: StatisticsError.tokenCountOverflow(weight: "a", files: two.map(\.container.path))) {
      try merge(two[0], two[1])
    }
    try merge(begin("three", 2, tokens: 8), begin("four", 8, tokens: 8))
  }

  @Test func `a begin key of another type is refused as that`() throws {
    let file = try begin("wide", 1, tokens: 8, type: .f64)
    let error = #expect(throws: ModelFileError.self) { try merge(file) }
    #expect(error?.reason == .elementTypeMismatch(expected: [.f32], found: .f64))
    #expect(error?.tensor == "a.begin_key")
  }
}
