import Glibc
import ModelFiles
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func tensor(_ bytes: [UInt8]) -> NewTensor {
    NewTensor(name: "a", elementType: .u8, shape: [bytes.count], elements: bytes)
  }

  @Test func `a committed file has its name and nothing else is left`() throws {
    let output = try AtomicFile(folder.path("a"))
    try output.file.write([1, 2], at: 0)
    #expect(!Folder.occupied(folder.path("a")))
    try output.commit()
    #expect(try folder.read("a") == [1, 2])
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test func `a file that is not committed leaves nothing behind`() throws {
    try folder.write([9], to: "a")
    do {
      let output = try AtomicFile(folder.path("a"))
      try output.file.write([1, 2], at: 0)
      #expect(try Folder.names(in: folder.path).count == 2)
    }
    #expect(try Folder.names(in: folder.path) == ["a"])
    #expect(try folder.read("a") == [9])
  }

  /// huggingface/safetensors issue 762: there the mapped tensors became zeros.
  @Test func `writing over a file that is mapped keeps the mapped bytes`() throws {
    let old = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try SafetensorsWriter.write([tensor(old)], to: folder.path("a"))
    let file = try OpenFile(folder.path("a"), .reading)
    let header = try SafetensorsHeader(reading: file)
    let mapped = try MappedFile(file)
    let range = header.tensors[0].byteRange
    // The new file is made of the mapped bytes themselves, and is shorter.
    let new = mapped.withBytes(range) { Array($0.prefix(1000).reversed()) }
    try SafetensorsWriter.write([tensor(new)], to: folder.path("a"))
    #expect(mapped.withBytes(range) { Array($0) } == old)
    #expect(try file.read(range.count, at: range.lowerBound) == old)
    #expect(try folder.read("a").suffix(1000) == new[...])
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test func `a folder is not replaced by a file`() throws {
    try Folder.create(folder.path("a"))
    #expect(throws: ModelFileError(.system(call: "rename", code: EISDIR), file: folder.path("a"))) {
      try AtomicFile(folder.path("a")).commit()
    }
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test func `a folder that is not there is named by the error`() throws {
    let error = #expect(throws: ModelFileError.self) { try AtomicFile(folder.path("none/a")) }
    #expect(error?.reason == .system(call: "open", code: ENOENT))
  }

  @Test func `a link is replaced, not what it leads to`() throws {
    try folder.write([9], to: "a")
    symlink("a", folder.path("link"))
    let output = try AtomicFile(folder.path("link"))
    try output.file.write([1], at: 0)
    try output.commit()
    #expect(try folder.read("a") == [9])
    #expect(try folder.read("link") == [1])
  }
}

@Suite struct MappedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a mapping lends any range, and an empty file has one`() throws {
    let bytes = (0..<9000).map { UInt8(truncatingIfNeeded: $0) }
    let mapped = try MappedFile(OpenFile(folder.write(bytes, to: "a"), .reading))
    #expect(mapped.byteCount == 9000)
    for range in [0..<0, 0..<9000, 4095..<4097, 8999..<9000, 9000..<9000] {
      #expect(mapped.withBytes(range) { Array($0) } == Array(bytes[range]))
    }
    mapped.release(100..<9000)
    #expect(mapped.withBytes(0..<9000) { Array($0) } == bytes)
    let empty = try MappedFile(OpenFile(folder.write([], to: "empty"), .reading))
    #expect(empty.byteCount == 0)
    #expect(empty.withBytes(0..<0) { $0.count } == 0)
  }
}
