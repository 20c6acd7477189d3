import ModelFiles
import TestSupport
import Testing

@Suite struct GGUFWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ name: String) throws -> (GGUFHeader, OpenFile) {
    let file = try OpenFile(folder.path(name), .reading)
    return (try GGUFHeader(reading: file), file)
  }

  @Test(arguments: Vector.all("gguf").filter { $0.rejection == nil })
  func `a file is written back, a canonical one byte for byte`(vector: Vector) throws {
    try folder.write(vector.bytes, to: "a.gguf")
    let (header, file) = try open("a.gguf")
    try GGUFWriter.rewrite(header, of: file, to: folder.path("b.gguf"))
    let written = try folder.read("b.gguf")
    if vector.isCanonical { #expect(written == vector.bytes) }
    let (again, copy) = try open("b.gguf")
    #expect(again.version == 3 && again.alignment == header.alignment)
    #expect(again.tensors.map(\.name) == header.tensors.map(\.name))
    #expect(again.tensors.map(\.shape) == header.tensors.map(\.shape))
    for (old, new) in zip(header.tensors, again.tensors) {
      #expect(
        try file.read(old.byteCount, at: old.byteRange.lowerBound)
          == copy.read(new.byteCount, at: new.byteRange.lowerBound))
    }
    // Writing what was written changes nothing.
    try GGUFWriter.rewrite(again, of: copy, to: folder.path("c.gguf"))
    #expect(try folder.read("c.gguf") == written)
  }

  @Test(arguments: ["tiny-gpt2-f16", "tiny-llama-q8_0", "tiny-llama-q4_k"])
  func `the gguf package writes the same bytes`(model: String) throws {
    let path = PackageFiles.path("Fixtures/models/\(model).gguf")
    let file = try OpenFile(path, .reading)
    try GGUFWriter.rewrite(GGUFHeader(reading: file), of: file, to: folder.path("b.gguf"))
    #expect(try folder.read("b.gguf") == FileBytes.read(path))
  }

  @Test func `a changed value and a tensor of another type leave the other tensors as they are`() throws {
    let path = PackageFiles.path("Fixtures/models/tiny-llama-q8_0.gguf")
    let file = try OpenFile(path, .reading)
    let header = try GGUFHeader(reading: file)
    let old = try #require(header.tensors.first { $0.name == "blk.1.ffn_down.weight" })
    let floats = old.elementType.decoded(try file.read(old.byteCount, at: old.byteRange.lowerBound))
    let halves = try ElementType.f16.encoded(floats)
    var metadata = header.metadata
    let place = try #require(metadata.firstIndex { $0.key == "general.name" })
    metadata[place].value = .string("a longer name than before, which moves everything")
    metadata.append(GGUFField("errata.note", .bool(true)))
    try GGUFWriter.rewrite(
      header, of: file, metadata: metadata,
      replacing: [old.name: NewTensor(name: old.name, elementType: .f16, shape: old.shape, elements: halves)],
      to: folder.path("b.gguf"))

    let (changed, copy) = try open("b.gguf")
    #expect(
      try changed["general.name"]?.text()?.hasPrefix("a longer") == true
        && changed["errata.note"]?.truth == true)
    #expect(changed.metadata.count == header.metadata.count + 1)
    #expect(try changed["tokenizer.ggml.tokens"]?.bytes() == header["tokenizer.ggml.tokens"]?.bytes())
    for (before, after) in zip(header.tensors, changed.tensors) {
      #expect(before.name == after.name && before.shape == after.shape)
      let bytes = try copy.read(after.byteCount, at: after.byteRange.lowerBound)
      if before.name == old.name {
        #expect(after.elementType == .f16 && bytes == halves)
      } else {
        #expect(
          try after.elementType == before.elementType
            && bytes == file.read(before.byteCount, at: before.byteRange.lowerBound))
      }
    }
  }

  @Test func `a file can be rewritten onto itself`() throws {
    let vector = try #require(Vector.all("gguf").first { $0.name == "accept-alignment-64" })
    try folder.write(vector.bytes, to: "a.gguf")
    let (header, file) = try open("a.gguf")
    var metadata = header.metadata
    metadata.insert(GGUFField("first", try .array(of: .uint32, (0..<500).map { .uint32($0) })), at: 0)
    try GGUFWriter.rewrite(header, of: file, metadata: metadata, to: folder.path("a.gguf"))
    let (changed, copy) = try open("a.gguf")
    #expect(changed.tensors.map(\.name) == ["a", "b"] && changed.alignment == 64)
    #expect(changed.tensors.allSatisfy { $0.byteRange.lowerBound % 64 == 0 })
    for tensor in changed.tensors {
      #expect(try copy.read(4, at: tensor.byteRange.lowerBound) == [0, 0, 0x80, 0x3F])
    }
    #expect(try Folder.names(in: folder.path) == ["a.gguf"])
  }

  @Test func `what a reader would refuse is not written`() throws {
    func expect(
      _ reason: ModelFileError.Reason, _ tensors: [NewTensor], _ metadata: [GGUFField] = [],
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: ModelFileError.self, sourceLocation: sourceLocation) {
        try GGUFWriter.write(tensors, metadata: metadata, to: folder.path("x.gguf"))
      }
      #expect(error?.reason == reason, sourceLocation: sourceLocation)
      #expect(!Folder.occupied(folder.path("x.gguf")), sourceLocation: sourceLocation)
    }
    func tensor(_ name: String, _ type: ElementType = .f32, _ shape: [Int] = [1]) -> NewTensor {
      NewTensor(name: name, elementType: type, shape: shape, elements: [UInt8]())
    }
    expect(.duplicateName, [tensor("a"), tensor("a")])
    expect(.stringTooLong(length: 64, limit: 63), [tensor(String(repeating: "n", count: 64))])
    expect(.tooManyDimensions(count: 5, limit: 4), [tensor("a", .f32, [1, 1, 1, 1, 1])])
    expect(.unknownElementType("U16"), [tensor("a", .u16)])
    expect(.partialBlock(rowLength: 31, blockLength: 32), [tensor("a", .q8_0, [2, 31])])
    expect(.emptyKey, [], [GGUFField("", .bool(true))])
    expect(.duplicateKey, [], [GGUFField("a", .bool(true)), GGUFField("a", .bool(true))])
    expect(.badAlignment(24), [], [GGUFField("general.alignment", .uint32(24))])
    expect(.alignmentType("uint64"), [], [GGUFField("general.alignment", .uint64(32))])
  }

  @Test func `safetensors has no block formats`() throws {
    let tensor = NewTensor(
      name: "a", elementType: .q8_0, shape: [32], elements: [UInt8](repeating: 0, count: 34))
    let error = #expect(throws: ModelFileError.self) {
      try SafetensorsWriter.write([tensor], to: folder.path("a"))
    }
    #expect(error?.reason == .unknownElementType("Q8_0"))
    let text = #"{"a":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}}"#
    let bytes =
      [UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(text.utf8) + [UInt8](repeating: 0, count: 34)
    let file = try OpenFile(folder.write(bytes, to: "b.safetensors"), .reading)
    let refusal = #expect(throws: ModelFileError.self) { try SafetensorsHeader(reading: file) }
    #expect(refusal?.reason == .unknownElementType("Q8_0"))
  }
}
