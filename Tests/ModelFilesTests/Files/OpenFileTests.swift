import Glibc
import ModelFiles
import TestSupport
import Testing

@Suite struct OpenFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SplitMix64(state: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  @Test func `reading gives the bytes asked for or an error`() throws {
    let file = try OpenFile(folder.write([1, 2, 3, 4], to: "a"), .reading)
    #expect(try file.size() == 4)
    #expect(try file.read(2, at: 1) == [2, 3])
    #expect(try file.read(0, at: 4) == [])
    #expect(
      throws: ModelFileError(.unexpectedEnd(expected: 6, found: 4), file: file.path, byteOffset: 2)
    ) { try file.read(4, at: 2) }
    #expect(throws: ModelFileError.self) { try file.read(1, at: 100) }
  }

  @Test func `a file that was cut short is an error and not a signal`() throws {
    let file = try OpenFile(folder.write(pattern(10_000), to: "a"), .reading)
    truncate(file.path, 5_000)
    #expect(
      throws: ModelFileError(.unexpectedEnd(expected: 10_000, found: 5_000), file: file.path, byteOffset: 0)
    ) {
      try file.read(10_000, at: 0)
    }
  }

  @Test func `creating refuses what exists and updating what does not`() throws {
    try folder.write([1], to: "a")
    #expect(throws: ModelFileError(.system(call: "open", code: EEXIST), file: folder.path("a"))) {
      try OpenFile(folder.path("a"), .creating)
    }
    #expect(throws: ModelFileError(.system(call: "open", code: ENOENT), file: folder.path("b"))) {
      try OpenFile(folder.path("b"), .updating)
    }
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test func `a symbolic link is followed for reading and refused for updating`() throws {
    try folder.write([7], to: "a")
    symlink("a", folder.path("link"))
    #expect(try OpenFile(folder.path("link"), .reading).read(1, at: 0) == [7])
    #expect(throws: ModelFileError(.symbolicLink(destination: "a"), file: folder.path("link"))) {
      try OpenFile(folder.path("link"), .updating)
    }
    symlink("loop", folder.path("loop"))
    #expect(throws: ModelFileError(.system(call: "open", code: ELOOP), file: folder.path("loop"))) {
      try OpenFile(folder.path("loop"), .reading)
    }
  }

  @Test func `a pipe does not keep us waiting, and what has no places is not called empty`() throws {
    let pipe = folder.path("pipe.safetensors")
    mkfifo(pipe, 0o600)
    for (path, kind) in [(pipe, ModelFileError.FileKind.pipe), ("/dev/zero", .device)] {
      #expect(throws: ModelFileError(.notReadAtPlaces(kind), file: path)) { try ModelFile(path) }
      #expect(throws: ModelFileError(.notReadAtPlaces(kind), file: path)) {
        try TextFile(path, .text, limit: TextFile.Limit.text)
      }
    }
  }

  @Test func `what cannot be opened is not taken for missing`() throws {
    symlink("loop", folder.path("loop"))
    let failure = ModelFileError(.system(call: "open", code: ELOOP), file: folder.path("loop"))
    #expect(try OpenFile.ifPresent(folder.path("none"), .reading) == nil)
    #expect(throws: failure) { try OpenFile.ifPresent(folder.path("loop"), .reading) }
    // What stands under an output's name: something else may be replaced, what the system cannot read may not.
    try folder.write([1], to: "there")
    for (path, error) in [
      ("none", failure), ("there", ModelFileError(.headerTooShort(fileSize: 1), file: "there")),
    ] {
      #expect(try OpenFile.ownContent(folder.path(path)) { _ in throw error } == nil as Int?)
    }
    #expect(throws: failure) { try OpenFile.ownContent(folder.path("there")) { _ in throw failure } }
    #expect(try OpenFile.ownContent(folder.path("there")) { $0 } == folder.path("there"))
  }

  @Test func `a folder is not read as a file`() throws {
    try Folder.create(folder.path("a.safetensors"))
    let file = try OpenFile(folder.path("a.safetensors"), .reading)
    #expect(throws: ModelFileError(.system(call: "pread", code: EISDIR), file: file.path)) {
      try file.read(8, at: 0)
    }
  }

  @Test func `updating changes the bytes where they are`() throws {
    try folder.write([1, 2, 3, 4], to: "a")
    let file = try OpenFile(folder.path("a"), .updating)
    try file.write([8, 9], at: 1)
    try file.synchronize()
    #expect(try folder.read("a") == [1, 8, 9, 4])
  }

  @Test func `writing to a file opened for reading is an error`() throws {
    let file = try OpenFile(folder.write([1], to: "a"), .reading)
    #expect(throws: ModelFileError(.system(call: "pwrite", code: EBADF), file: file.path)) {
      try file.write([2], at: 0)
    }
  }

  @Test func `reserving sets the length`() throws {
    let file = try OpenFile(folder.path("a"), .creating)
    try file.reserve(0)
    #expect(try file.size() == 0)
    try file.reserve(12_345)
    #expect(try file.size() == 12_345)
    #expect(throws: ModelFileError.self) { try file.reserve(.max) }
  }

  @Test func `names are told apart from files`() throws {
    let a = try OpenFile(folder.write([1], to: "a"), .reading)
    link(folder.path("a"), folder.path("b"))
    #expect(a.isSameFile(as: try OpenFile(folder.path("b"), .reading)))
    #expect(!a.isSameFile(as: try OpenFile(folder.write([1], to: "c"), .reading)))
  }

  @Test(arguments: [0..<0, 0..<1, 0..<300_001, 1..<300_000, 4096..<8192, 4097..<262_145, 299_999..<300_001])
  func `copying moves the bytes of any range to any place`(range: Range<Int>) throws {
    let bytes = pattern(300_001)
    let source = try OpenFile(folder.write(bytes, to: "source"), .reading)
    for offset in [0, 1, 4096, 70_000] {
      try folder.write(pattern(400_000, seed: 2), to: "target")
      var expected = pattern(400_000, seed: 2)
      let target = try OpenFile(folder.path("target"), .updating)
      try target.copy(range, of: source, to: offset)
      expected.replaceSubrange(
        offset..<min(offset + range.count, expected.count), with: bytes[range].prefix(expected.count - offset)
      )
      #expect(try folder.read("target") == expected, "to \(offset)")
    }
  }

  @Test func `copying within one file moves bytes that do not overlap`() throws {
    let bytes = pattern(10_000)
    try folder.write(bytes, to: "a")
    let file = try OpenFile(folder.path("a"), .updating)
    try file.copy(0..<5_000, of: file, to: 5_000)
    let half = Array(bytes[..<5_000])
    #expect(try folder.read("a") == half + half)
  }

  @Test(.enabled(if: Folder.exists("/dev/shm"), "needs a second file system"))
  func `copying works between file systems`() throws {
    let bytes = pattern(600_000)
    let source = try OpenFile(folder.write(bytes, to: "source"), .reading)
    let path = "/dev/shm/errata-test-\(getpid())-copy"
    defer { Folder.remove(path) }
    let target = try OpenFile(path, .creating)
    try target.copy(1..<600_000, of: source, to: 3)
    #expect(try target.read(599_999, at: 3) == Array(bytes[1...]))
    #expect(throws: ModelFileError.self) { try target.copy(0..<600_001, of: source, to: 0) }
  }

  @Test func `copying files of the kernel, which claim to be empty, falls back to reading`() throws {
    // copy_file_range copies nothing from them and says no error.
    let source = try OpenFile("/proc/self/cmdline", .reading)
    let target = try OpenFile(folder.path("a"), .creating)
    try target.copy(0..<8, of: source, to: 0)
    #expect(try target.read(8, at: 0) == source.read(8, at: 0))
  }

  @Test func `copying beyond the end is an error of the source`() throws {
    let source = try OpenFile(folder.write(pattern(100), to: "source"), .reading)
    let target = try OpenFile(folder.path("target"), .creating)
    let error = #expect(throws: ModelFileError.self) { try target.copy(50..<101, of: source, to: 0) }
    #expect(error?.file == source.path)
    #expect(error?.reason == .unexpectedEnd(expected: 101, found: 100))
  }

  @Test func `a lock keeps others out until its holder lets go`() throws {
    let path = try folder.write([1], to: "a")
    do {
      let first = try OpenFile(path, .updating)
      try first.lock(exclusively: true)
      let second = try OpenFile(path, .reading)
      for exclusively in [true, false] {
        #expect(throws: ModelFileError(.locked, file: path)) { try second.lock(exclusively: exclusively) }
      }
      withExtendedLifetime(first) {}
    }
    let reader = try OpenFile(path, .reading)
    try reader.lock(exclusively: false)
    try OpenFile(path, .reading).lock(exclusively: false)
    #expect(throws: ModelFileError(.locked, file: path)) {
      try OpenFile(path, .updating).lock(exclusively: true)
    }
    withExtendedLifetime(reader) {}
  }
}
