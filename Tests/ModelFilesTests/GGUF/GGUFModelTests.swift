import ModelFiles
import TestSupport
import Testing

@Suite struct GGUFModelTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func part(_ tensors: [String], _ fields: [GGUFField], to name: String) throws {
    try GGUFWriter.write(
      tensors.map { NewTensor(name: $0, elementType: .f32, shape: [1], elements: [Float(1)]) },
      metadata: fields,
      to: folder.path(name))
  }

  private func split(_ number: Int, of count: Int, tensors: Int) -> [GGUFField] {
    [
      GGUFField("split.no", .uint16(UInt16(number))), GGUFField("split.count", .uint16(UInt16(count))),
      GGUFField("split.tensors.count", .int32(Int32(tensors))),
    ]
  }

  /// Three parts; the first has no tensors, as llama.cpp can write it.
  private func writeParts() throws {
    let kind = [GGUFField("general.architecture", .string("gpt2"))]
    try part([], kind + split(0, of: 3, tensors: 3), to: "m-00001-of-00003.gguf")
    try part(["a", "b"], split(1, of: 3, tensors: 3), to: "m-00002-of-00003.gguf")
    try part(["c"], split(2, of: 3, tensors: 3), to: "m-00003-of-00003.gguf")
  }

  private func expectRefusal(
    _ reason: ModelFileError.Reason, of name: String, file: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: ModelFileError.self, sourceLocation: sourceLocation) {
      try ModelFile(folder.path(name))
    }
    #expect(error?.reason == reason, sourceLocation: sourceLocation)
    #expect(error?.file == folder.path(file ?? name), sourceLocation: sourceLocation)
  }

  @Test func `one file`() throws {
    let model = try ModelFile(PackageFiles.path("Fixtures/models/tiny-llama-q4_k.gguf"))
    #expect(model.format == .gguf && model.modelType == "llama" && model.shards.count == 1 && !model.isFolder)
    #expect(model.metadata.isEmpty && model.ggufMetadata.first?.key == "general.architecture")
    let tensor = try model.tensor("blk.1.ffn_down.weight")
    #expect(tensor.shape == [96, 256] && tensor.elementType == .q4K && tensor.byteCount == 96 * 144)
    #expect(model.tensors.reduce(0) { $0 + $1.elementCount } == 486_240)
  }

  @Test func `parts are opened from the first`() throws {
    try writeParts()
    for path in [folder.path("m-00001-of-00003.gguf"), folder.path, folder.path + "/"] {
      let model = try ModelFile(path)
      #expect(model.tensors.map(\.name) == ["a", "b", "c"] && model.tensors.map(\.shard) == [1, 1, 2])
      #expect(model.modelType == "gpt2" && model.shards.count == 3 && model.isFolder)
      #expect(try model.file(of: model.tensor("c")).path.hasSuffix("m-00003-of-00003.gguf"))
    }
  }

  @Test func `parts that do not belong together are refused`() throws {
    try writeParts()
    expectRefusal(.splitNotFirst(number: 2, first: "m-00001-of-00003.gguf"), of: "m-00002-of-00003.gguf")
    try part(["c"], split(1, of: 3, tensors: 3), to: "m-00003-of-00003.gguf")
    expectRefusal(
      .splitNumber(expected: 2, found: 1), of: "m-00001-of-00003.gguf", file: "m-00003-of-00003.gguf")
    try part(["c"], [], to: "m-00003-of-00003.gguf")
    expectRefusal(
      .splitNumber(expected: 2, found: nil), of: "m-00001-of-00003.gguf", file: "m-00003-of-00003.gguf")
    try part(["c"], split(2, of: 4, tensors: 3), to: "m-00003-of-00003.gguf")
    expectRefusal(
      .splitCount(expected: 3, found: 4), of: "m-00001-of-00003.gguf", file: "m-00003-of-00003.gguf")
    try part(["a"], split(2, of: 3, tensors: 3), to: "m-00003-of-00003.gguf")
    expectRefusal(.duplicateName, of: "m-00001-of-00003.gguf", file: "m-00003-of-00003.gguf")
    try part(["c", "d"], split(2, of: 3, tensors: 3), to: "m-00003-of-00003.gguf")
    expectRefusal(.splitTensorCount(expected: 3, found: 4), of: "m-00001-of-00003.gguf")
    Folder.remove(folder.path("m-00003-of-00003.gguf"))
    expectRefusal(
      .shardMissing(index: folder.path("m-00001-of-00003.gguf")), of: "m-00001-of-00003.gguf",
      file: "m-00003-of-00003.gguf")
  }

  @Test func `a part under another name is refused`() throws {
    try part(["a"], split(0, of: 3, tensors: 3), to: "model.gguf")
    expectRefusal(.splitName(count: 3), of: "model.gguf")
    try part(["a"], split(0, of: 3, tensors: 3), to: "m-00001-of-00002.gguf")
    expectRefusal(.splitCount(expected: 2, found: 3), of: "m-00001-of-00002.gguf")
    try part(["a"], [], to: "n-00001-of-00002.gguf")
    #expect(try ModelFile(folder.path("n-00001-of-00002.gguf")).shards.count == 1)
  }

  @Test func `a folder with one GGUF file`() throws {
    try part(["a"], [], to: "any.gguf")
    try folder.write(Array("{\"model_type\":\"gpt2\"}".utf8), to: "config.json")
    #expect(try ModelFile(folder.path).tensors.map(\.name) == ["a"])
    #expect(try ModelFile(folder.path).modelType == nil)
    try part(["a"], [], to: "other.gguf")
    let error = #expect(throws: ModelFileError.self) { try ModelFile(folder.path) }
    #expect(error?.reason == .severalModelsInFolder(["any.gguf", "other.gguf"]))
  }

  @Test func `safetensors come first in a folder`() throws {
    try part(["a"], [], to: "any.gguf")
    try SafetensorsWriter.write(
      [NewTensor(name: "b", elementType: .f32, shape: [1], elements: [Float(1)])],
      to: folder.path("x.safetensors"))
    #expect(try ModelFile(folder.path).format == .safetensors)
  }

  @Test func `a file without an ending is known by its first bytes`() throws {
    try part(["a"], [], to: "sha256-0123")
    #expect(try ModelFile(folder.path("sha256-0123")).format == .gguf)
  }
}
