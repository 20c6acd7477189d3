import ModelFiles
import TestSupport
import Testing

@Suite struct ModelFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file of F32 tensors of one element: the name's place in the list.
  private func write(_ names: [String], to file: String) throws {
    let tensors = names.enumerated().map { index, name in
      NewTensor(name: name, elementType: .f32, shape: [1], elements: [Float(index)])
    }
    try SafetensorsWriter.write(tensors, metadata: [("of", file)], to: folder.path(file))
  }

  private func writeIndex(_ map: [(String, String)], to file: String = "model.safetensors.index.json") throws
  {
    let map = JSONValue.object(map.map { .init($0.0, .string($0.1)) })
    try folder.write(Array(JSONValue.object([.init("weight_map", map)]).indentedText.utf8), to: file)
  }

  private func expectRefusal(
    _ reason: ModelFileError.Reason, of path: String, file: String? = nil, tensor: String? = nil,
    byteOffset: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = ModelFileError(reason, file: file ?? path, tensor: tensor, byteOffset: byteOffset)
    #expect(throws: error, sourceLocation: sourceLocation) { try ModelFile(path) }
  }

  @Test func `a single file`() throws {
    try write(["b", "a"], to: "x.safetensors")
    let model = try ModelFile(folder.path("x.safetensors"))
    #expect(model.tensors.map(\.name) == ["a", "b"])
    #expect(model.indexPath == nil && model.modelType == nil && model.folder == folder.path)
    #expect(model.metadata.map { $0.map(\.value) } == [["x.safetensors"]])
    #expect(try model.file(of: model.tensor("b")).path == folder.path("x.safetensors"))
    #expect(model.contains("a") && !model.contains("c"))
    #expect(throws: ModelFileError(.noSuchTensor, file: model.path, tensor: "c")) { try model.tensor("c") }
  }

  @Test(arguments: ["", "/", "//"]) func `a folder with one file of any name`(slash: String) throws {
    try write(["a"], to: "weights.safetensors")
    try folder.write(Array("{\"model_type\":\"gpt2\"}".utf8), to: "config.json")
    let model = try ModelFile(folder.path + slash)
    #expect(model.modelType == "gpt2")
    #expect(model.tensors.map(\.name) == ["a"])
  }

  @Test func `of a folder with several files the one that transformers loads`() throws {
    try write(["a"], to: "adapter.safetensors")
    try write(["b"], to: "model.safetensors")
    try writeIndex([("a", "adapter.safetensors")])
    #expect(try ModelFile(folder.path).tensors.map(\.name) == ["b"])
  }

  @Test func `a folder with several files and no usual name`() throws {
    try write(["a"], to: "1.safetensors")
    try write(["a"], to: "2.safetensors")
    expectRefusal(.severalModelsInFolder(["1.safetensors", "2.safetensors"]), of: folder.path)
  }

  @Test func `a folder without a model`() throws {
    try folder.write([], to: "model.bin")
    expectRefusal(.noModelInFolder(.torch(["model.bin"])), of: folder.path)
  }

  @Test(arguments: [false, true]) func `shards and the index that joins them`(throughFolder: Bool) throws {
    try write(["a", "c", "not in the index"], to: "1.safetensors")
    try write(["b"], to: "2.safetensors")
    try writeIndex([("c", "1.safetensors"), ("b", "2.safetensors"), ("a", "1.safetensors")])
    let index = folder.path("model.safetensors.index.json")
    let model = try ModelFile(throughFolder ? folder.path : index)
    #expect(model.indexPath == index)
    #expect(model.shards.map { Folder.name(of: $0.path) } == ["1.safetensors", "2.safetensors"])
    #expect(model.tensors.map(\.name) == ["a", "c", "b"])
    #expect(model.tensors.map(\.shard) == [0, 0, 1])
    #expect(try model.file(of: model.tensor("b")).path == folder.path("2.safetensors"))
    #expect(model.metadata.map { $0.map(\.value) } == [["1.safetensors"], ["2.safetensors"]])
  }

  @Test(arguments: Vector.all("safetensors-index"))
  func `an index is read or refused as its vector says`(vector: Vector) throws {
    for (file, names) in [
      ("1.safetensors", ["a", "c"]), ("2.safetensors", ["b"]), ("..1", ["a", "c"]), (".2", ["b"]),
    ] {
      try write(names, to: file)
    }
    let path = try folder.write(vector.bytes, to: "x.safetensors.index.json")
    guard let rejection = vector.rejection else {
      #expect(try Set(ModelFile(path).tensors.map(\.name)) == ["a", "b", "c"])
      for length in vector.bytes.indices {
        try folder.write(Array(vector.bytes[..<length]), to: "x.safetensors.index.json")
        #expect(throws: ModelFileError.self, "cut to \(length)") { try ModelFile(path) }
      }
      return
    }
    let error = #expect(throws: ModelFileError.self) { try ModelFile(path) }
    #expect(error.map { caseName($0.reason) } == rejection)
    #expect(error?.byteOffset == vector.byteOffset)
    #expect(error?.file == path)
  }

  @Test func `an index larger than any header may be is refused unread`() throws {
    let path = folder.path("model.safetensors.index.json")
    try OpenFile(path, .creating).write([0], at: 100_000_000)
    expectRefusal(.headerTooLarge(length: 100_000_001, limit: 100_000_000), of: path)
  }

  @Test func `a shard that is not there`() throws {
    try writeIndex([("a", "1.safetensors")])
    expectRefusal(
      .shardMissing(index: folder.path("model.safetensors.index.json")), of: folder.path,
      file: folder.path("1.safetensors"))
  }

  @Test func `a shard that does not hold its tensor`() throws {
    try write(["a"], to: "1.safetensors")
    try write(["b"], to: "2.safetensors")
    try writeIndex([("a", "1.safetensors"), ("b", "1.safetensors")])
    expectRefusal(
      .tensorMissingFromShard("1.safetensors"), of: folder.path,
      file: folder.path("model.safetensors.index.json"), tensor: "b")
  }

  @Test func `a shard that is damaged is named`() throws {
    try writeIndex([("a", "1.safetensors")])
    try folder.write([1, 2, 3], to: "1.safetensors")
    expectRefusal(
      .headerTooShort(fileSize: 3), of: folder.path, file: folder.path("1.safetensors"), byteOffset: 3)
  }

  @Test(arguments: ["", "[", "[]", "{}", "{\"model_type\":7}", "{\"model_type\":\"a\",\"model_type\":\"b\"}"])
  func `a configuration that cannot be read is passed over`(text: String) throws {
    try write(["a"], to: "model.safetensors")
    try folder.write(Array(text.utf8), to: "config.json")
    #expect(try ModelFile(folder.path).modelType == nil)
  }

  @Test func `a configuration that is a folder or very large is passed over`() throws {
    try write(["a"], to: "model.safetensors")
    try Folder.create(folder.path("config.json"))
    #expect(try ModelFile(folder.path).modelType == nil)
    Folder.remove(folder.path("config.json"))
    try OpenFile(folder.path("config.json"), .creating).write(Array("{}".utf8), at: 1 << 20)
    #expect(try ModelFile(folder.path).modelType == nil)
  }

  @Test func `a safetensors file may have any name`() throws {
    try write(["a"], to: "5f2cb1")
    #expect(try ModelFile(folder.path("5f2cb1")).tensors.map(\.name) == ["a"])
  }

  @Test(
    arguments: [
      ([], FileContent.empty), (Array("{}".utf8), .json(nil)),
      (Array("{\"weight_map\":{}}".utf8), .json(.index)),
      ([2, 0, 0, 0, 0, 0, 0, 0, 0x5B, 0x5D], .unknown),
    ] as [([UInt8], FileContent)])
  func `other content under another name is not a format we read`(bytes: [UInt8], content: FileContent) throws
  {
    let path = try folder.write(bytes, to: "model.bin")
    expectRefusal(
      content == .unknown ? .unknownFormat : .otherContent(found: content, expected: .model), of: path)
  }

  @Test func `a path that is not there is no question of format`() throws {
    expectRefusal(.system(call: "open", code: 2), of: folder.path("nothing.bin"))
    expectRefusal(.system(call: "open", code: 2), of: folder.path("nothing.safetensors"))
  }

  @Test func `the two fixtures`() throws {
    let gpt2 = try ModelFile(PackageFiles.path("Fixtures/models/tiny-gpt2"))
    #expect(gpt2.modelType == "gpt2" && gpt2.shards.count == 1)
    let llama = try ModelFile(PackageFiles.path("Fixtures/models/tiny-llama"))
    #expect(llama.modelType == "llama" && llama.shards.count == 2)
    #expect(llama.tensors.reduce(0) { $0 + $1.elementCount } == 486_240)
    let path = PackageFiles.path("Fixtures/models/tiny-llama/model.safetensors.index.json")
    #expect(try ModelFile(path).tensors == llama.tensors)
  }

  @Test func `a file of 100 GB is opened by its header alone`() throws {
    let extent = 25_000_000_000
    let text = "{\"a\":{\"dtype\":\"F32\",\"shape\":[\(extent)],\"data_offsets\":[0,\(4 * extent)]}}"
    let file = try OpenFile(folder.path("a.safetensors"), .creating)
    try file.write([UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(text.utf8), at: 0)
    // The last byte alone makes the length; the rest is a hole that takes no disk.
    try file.write([1], at: 8 + text.utf8.count + 4 * extent - 1)
    let model = try ModelFile(file.path)
    #expect(try model.tensor("a").byteCount == 100_000_000_000)
    #expect(
      try model.file(of: model.tensor("a")).read(4, at: model.tensor("a").byteRange.upperBound - 4) == [
        0, 0, 0, 1,
      ])
  }
}
