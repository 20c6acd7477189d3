import ModelFiles
import TestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `the reference models' own tensors give the reference's bytes`() throws {
    // Written by safetensors in Python, with one note, so that its hash table has no choice of order.
    for name in ["tiny-gpt2/model.safetensors", "tiny-llama/model-00001-of-00002.safetensors"] {
      let file = try OpenFile(PackageFiles.path("Fixtures/models/" + name), .reading)
      let header = try SafetensorsHeader(reading: file)
      let tensors = header.tensors.reversed().map { tensor in
        NewTensor(name: tensor.name, elementType: tensor.elementType, shape: tensor.shape) { output, offset in
          try output.copy(tensor.byteRange, of: file, to: offset)
        }
      }
      try SafetensorsWriter.write(tensors, metadata: header.metadata, to: folder.path("copy"))
      #expect(try folder.read("copy") == file.read(file.size(), at: 0), "\(name)")
    }
  }

  @Test func `data lies at a multiple of eight`() throws {
    for length in 1...9 {
      let name = String(repeating: "x", count: length)
      let tensor = NewTensor(name: name, elementType: .u8, shape: [1], elements: [UInt8(7)])
      try SafetensorsWriter.write([tensor], to: folder.path("a"))
      let header = try SafetensorsHeader(reading: OpenFile(folder.path("a"), .reading))
      #expect(header.dataOffset % 8 == 0)
      #expect(try folder.read("a").last == 7)
    }
  }

  @Test func `when a tensor cannot be written nothing appears`() throws {
    struct Stop: Error {}
    let tensor = NewTensor(name: "a", elementType: .f32, shape: [1]) { _, _ in throw Stop() }
    #expect(throws: Stop.self) { try SafetensorsWriter.write([tensor], to: folder.path("a")) }
    #expect(try Folder.names(in: folder.path) == [])
  }

  @Test func `a shape that no file can hold is refused before anything is written`() throws {
    let tensor = NewTensor(name: "a", elementType: .f32, shape: [.max, 2]) { _, _ in }
    #expect(throws: ModelFileError(.sizeOverflow, file: folder.path("a"), tensor: "a")) {
      try SafetensorsWriter.write([tensor], to: folder.path("a"))
    }
    #expect(try Folder.names(in: folder.path) == [])
  }
}
