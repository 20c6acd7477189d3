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

  @Test(arguments: ["folder", "pipe", "device", "link", "dangling link"])
  func `only an ordinary file is replaced`(kind: String) throws {
    let path = folder.path("a")
    let reason: ModelFileError.Reason
    switch kind {
    case "folder":
      try Folder.create(path)
      reason = .notOrdinary(.folder)
    case "pipe":
      #expect(mkfifo(path, 0o600) == 0)
      reason = .notOrdinary(.pipe)
    case "device":
      // Only root can make one; /dev/null itself is never named here.
      guard mknod(path, S_IFCHR | 0o600, 259) == 0 else { return }
      reason = .notOrdinary(.device)
    case "link":
      try folder.write([9], to: "b")
      symlink("b", path)
      reason = .outputIsLink(destination: "b")
    default:
      symlink("nothing", path)
      reason = .outputIsLink(destination: "nothing")
    }
    let before = try Folder.names(in: folder.path)
    #expect(throws: ModelFileError(reason, file: path)) { try AtomicFile(path) }
    #expect(try Folder.names(in: folder.path) == before)
  }

  @Test func `what came under the name meanwhile is looked at again`() throws {
    let output = try AtomicFile(folder.path("a"))
    try Folder.create(folder.path("a"))
    #expect(throws: ModelFileError(.notOrdinary(.folder), file: folder.path("a"))) { try output.commit() }
    #expect(Folder.exists(folder.path("a")))
  }

  @Test func `of two that write one file the second is refused, and what a dead one left goes`() throws {
    let path = folder.path("a")
    do {
      let first = try AtomicFile(path)
      #expect(throws: ModelFileError(.beingWritten, file: path)) { try AtomicFile(path) }
      // Another file is another matter.
      try AtomicFile(folder.path("b")).commit()
      try first.file.write([1], at: 0)
      try first.commit()
    }
    #expect(try folder.read("a") == [1])
    // A killed run's file has nobody who holds it.
    try folder.write([UInt8](repeating: 7, count: 1000), to: ".a.errata-part")
    #expect(try Leftover.all(of: path).map(\.byteCount) == [1000])
    #expect(try Leftover.all(of: folder.path).map(\.path) == [folder.path(".a.errata-part")])
    let next = try AtomicFile(path)
    #expect(try next.file.size() == 0)
    #expect(try Leftover.all(of: path).isEmpty)
    try next.file.write([2], at: 0)
    try next.commit()
    #expect(try folder.read("a") == [2])
    #expect(try Folder.names(in: folder.path) == ["a", "b"])
  }

  @Test func `what is not ours under the temporary name is left alone`() throws {
    try folder.write([9], to: "kept")
    symlink("kept", folder.path(".a.errata-part"))
    let output = try AtomicFile(folder.path("a"))
    try output.file.write([1], at: 0)
    try output.commit()
    #expect(try folder.read("kept") == [9])
    #expect(try folder.read("a") == [1])
  }

  @Test(arguments: [200, 230, 241, 255])
  func `a name may be as long as names may be`(length: Int) throws {
    let names = [String(repeating: "n", count: length), String(repeating: "é", count: length / 2)]
    for name in names {
      let path = folder.path(name)
      let output = try AtomicFile(path)
      try output.file.write([1], at: 0)
      try output.commit()
      #expect(try folder.read(name) == [1])
    }
    // Two long names that begin alike do not meet.
    let (one, two) = (
      folder.path("x" + names[0].dropFirst(2) + "1"), folder.path("x" + names[0].dropFirst(2) + "2")
    )
    let both = [try AtomicFile(one), try AtomicFile(two)]
    for file in both { try file.commit() }
    #expect(try Folder.names(in: folder.path).count == 4)
  }

  @Test(arguments: [(0o600 as UInt32, nil as UInt32?), (0o640, 0o600), (0o600, 0o644), (0o444, nil)])
  func `permissions are those of what is replaced, else of the source`(source: UInt32, replaced: UInt32?)
    throws
  {
    let model = try OpenFile(folder.write([1], to: "model"), .reading)
    chmod(model.path, source)
    if let replaced {
      try folder.write([2], to: "a")
      chmod(folder.path("a"), replaced)
    }
    try AtomicFile(folder.path("a"), permissionsOf: model).commit()
    let mask = umask(0)
    umask(mask)
    #expect(Folder.permissions(of: folder.path("a")) == replaced ?? (source & 0o666 & ~mask))
  }

  @Test func `errors name the output, not the temporary file`() throws {
    let output = try AtomicFile(folder.path("a"))
    let error = #expect(throws: ModelFileError.self) { try output.file.read(4, at: 0) }
    #expect(error?.file == folder.path("a"))
    let other = "cannot read \(output.temporaryPath), byte 3"
    #expect(FilesUnderWay.naming(other) == "cannot read \(folder.path("a")), byte 3")
    let scratch = try ScratchFolder(beside: folder.path("p.errata"))
    #expect(FilesUnderWay.naming("\(scratch.path("1.gguf")): full") == "\(folder.path("p.errata")): full")
  }

  @Test func `a ledger has what stands, and not what went again`() throws {
    let ledger = FileLedger()
    try ledger.record {
      try AtomicFile(folder.path("a")).commit()
      try AtomicFile(folder.path("b")).commit()
      let new = try NewFolder(folder.path("c"))
      try new.file("inside").commit()
      try new.commit()
      _ = try AtomicFile(folder.path("d"))
    }
    try AtomicFile(folder.path("e")).commit()
    Folder.remove(folder.path("b"))
    #expect(ledger.written == [folder.path("a"), folder.path("c")])
    #expect(ledger.warnings.isEmpty)
    #expect(try Folder.names(in: folder.path("c")) == ["inside"])
  }

  @Test func `a folder that is not there is named by the error`() throws {
    let error = #expect(throws: ModelFileError.self) { try AtomicFile(folder.path("none/a")) }
    #expect(error?.reason == .system(call: "open", code: ENOENT))
  }
}

@Suite struct NewFolderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a folder appears whole, or not at all`() throws {
    let path = folder.path("out")
    do {
      let new = try NewFolder(path)
      try new.file("a").publish()
      #expect(!Folder.occupied(path))
      #expect(throws: ModelFileError(.beingWritten, file: path)) { try NewFolder(path) }
    }
    #expect(try Folder.names(in: folder.path).isEmpty)
    // What a killed run left, with files in it.
    try Folder.create(folder.path(".out.errata-part"))
    try folder.write([1, 2], to: ".out.errata-part/old")
    #expect(try Leftover.all(of: path).map(\.byteCount) == [2])
    let new = try NewFolder(path)
    try new.file("a").publish()
    try new.commit()
    #expect(try Folder.names(in: path) == ["a"])
    #expect(try Folder.names(in: folder.path) == ["out"])
  }

  @Test func `what has the name already, or comes meanwhile, stays`() throws {
    try Folder.create(folder.path("there"))
    #expect(throws: ModelFileError.self) { try NewFolder(folder.path("there")) }
    let new = try NewFolder(folder.path("out"))
    try Folder.create(folder.path("out"))
    #expect(throws: ModelFileError(.system(call: "rename", code: EEXIST), file: folder.path("out"))) {
      try new.commit()
    }
    #expect(try Folder.names(in: folder.path("out")).isEmpty)
  }

  @Test func `a private folder gives a private folder`() throws {
    try Folder.create(folder.path("model"))
    chmod(folder.path("model"), 0o700)
    try NewFolder(folder.path("out"), permissionsOf: folder.path("model")).commit()
    #expect(Folder.permissions(of: folder.path("out")) == 0o700)
  }
}

@Suite struct FileIdentityTests {
  @Test func `names of one file are one, and so are names of none`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1], to: "a")
    link(path, folder.path("twin"))
    symlink("a", folder.path("link"))
    symlink(folder.path, folder.path("self"))
    let file = try #require(FileIdentity(path))
    for name in ["twin", "link", "self/a", "./a", "self/self/../" + Folder.name(of: folder.path) + "/a"] {
      #expect(FileIdentity(folder.path(name)) == file, "\(name)")
    }
    #expect(FileIdentity(folder.path("b")) == FileIdentity(folder.path("self/b")))
    #expect(FileIdentity(folder.path("b")) != FileIdentity(folder.path("c")))
    #expect(FileIdentity(folder.path("b")) != FileIdentity(folder.path))
    #expect(FileIdentity(folder.path("none/b")) == nil)
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
    let address = mapped.withBytes(5000..<5001) { UInt(bitPattern: $0.baseAddress!) }
    #expect(MappedFile.path(mappedAt: address) == folder.path("a"))
    #expect(MappedFile.path(mappedAt: 16) == nil)
    let empty = try MappedFile(OpenFile(folder.write([], to: "empty"), .reading))
    #expect(empty.byteCount == 0)
    #expect(empty.withBytes(0..<0) { $0.count } == 0)
  }
}
