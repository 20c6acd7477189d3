import Glibc
import TestSupport
import Testing

@testable import ModelFiles

@Suite struct FolderTests {
  @Test(arguments: [
    ("a", ".", "a"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/a/b.c", "/a", "b.c"), ("a/", ".", "a"),
    ("a/b//", "a", "b"),
    ("/", "/", ""), ("//a", "/", "a"), ("a//b", "a", "b"), ("./a", ".", "a"), ("é/😀", "é", "😀"),
  ])
  func `a path has a folder and a name`(path: String, folder: String, name: String) {
    #expect(Folder.containing(path) == folder)
    #expect(Folder.name(of: path) == name)
  }

  @Test(arguments: ["out", "out/", "x/out", "x/out//"]) func `a temporary name stands beside the path`(
    path: String
  ) {
    let temporary = TemporaryName.path(for: path, "part")
    #expect(Folder.containing(temporary) == Folder.containing(path))
    #expect(Folder.name(of: temporary) == ".out.errata-part")
    #expect(Folder.isTemporary(Folder.name(of: temporary)) && !Folder.isTemporary("out.errata-journal"))
  }

  @Test func `a name that fits stays, one that does not ends in a hash of the whole`() {
    #expect(Folder.fitting("short", suffix: ".end") == "short.end")
    let names = (0..<3).map { String(repeating: "ä", count: 120) + "\($0)" }
    let fitted = names.map { Folder.fitting($0, suffix: ".errata-journal") }
    #expect(Set(fitted).count == 3)
    #expect(
      fitted.allSatisfy { $0.utf8.count <= 255 && $0.hasPrefix("ää") && $0.hasSuffix(".errata-journal") })
  }

  @Test func `a name is joined to a folder by one slash`() {
    #expect(Folder.path("a", "b") == "a/b")
    #expect(Folder.path("a/", "b") == "a/b")
    #expect(Folder.path("/", "b") == "/b")
  }

  @Test func `what is there and what is not`() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "file")
    symlink("nowhere", folder.path("dangling"))
    symlink("file", folder.path("link"))
    #expect(
      Folder.exists(folder.path) && !Folder.exists(folder.path("file")) && !Folder.exists(folder.path("none"))
    )
    #expect(Folder.fileExists(folder.path("file")) && Folder.fileExists(folder.path("link")))
    #expect(!Folder.fileExists(folder.path) && !Folder.fileExists(folder.path("dangling")))
    #expect(Folder.occupied(folder.path("dangling")) && !Folder.occupied(folder.path("none")))
    #expect(try Folder.names(in: folder.path) == ["dangling", "file", "link"])
    #expect(throws: ModelFileError(.system(call: "opendir", code: ENOENT), file: folder.path("none"))) {
      try Folder.names(in: folder.path("none"))
    }
  }

  @Test func `removing takes links away and not what they lead to`() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "kept")
    try Folder.create(folder.path("a"))
    try Folder.create(folder.path("a/b"))
    symlink(folder.path, folder.path("a/b/up"))
    Folder.remove(folder.path("a"))
    Folder.remove(folder.path("none"))
    #expect(try Folder.names(in: folder.path) == ["kept"])
  }
}
