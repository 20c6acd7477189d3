import Glibc
import ModelFiles
import TestSupport
import Testing

/// Files and folders that are not what their names say.
@Suite struct OddFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  static let contents: [([UInt8], FileContent)] = [
    ([], .empty), ([UInt8](repeating: 0, count: 100), .zeros), (Array("GGUF\u{3}".utf8), .gguf),
    (FileContent.patchMagic, .patch), ([2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), .safetensors),
    (
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:4f6a\nsize 488144\n".utf8),
      .pointer(byteCount: 488144)
    ),
    (Array("/annex/objects/SHA256E-s5--0011.gguf\n".utf8), .annexPointer),
    (Array("../../.git/annex/objects/a/b".utf8), .annexPointer),
    (Array("<!DOCTYPE html><html>".utf8), .page), (Array(" \n<html>".utf8), .page),
    (Array("<?xml version=\"1.0\"?>".utf8), .page),
    (Array("{\"error\":\"Access is restricted\"}".utf8), .refusal(message: "Access is restricted")),
    (Array("{\"message\":\"Not found\",\"code\":404}".utf8), .refusal(message: "Not found")),
    ([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("archive/data.pkl".utf8), .torch),
    ([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("mom2.npy".utf8), .numPyArchive),
    ([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26) + Array("a.txt".utf8), .zip),
    ([0x80, 2, 0x7D, 0x71], .pickle), ([0x93] + Array("NUMPY\u{1}".utf8), .numPyArray),
    ([0x1F, 0x8B, 8], .compressed("gzip")), ([0x28, 0xB5, 0x2F, 0xFD], .compressed("zstd")),
    ([0xFD] + Array("7zXZ\u{0}".utf8), .compressed("xz")), ([0x89] + Array("HDF\r\n\u{1A}\n".utf8), .hdf5),
    (Array("tjgg".utf8), .ggml), ([0xFF, 0xFE, 0x7B, 0], .utf16),
    (Array("\u{FEFF}{\"a\":1}".utf8), .json(nil)),
    (Array("{\"weight_map\":{}}".utf8), .json(.index)),
    (Array("{\"model_type\":\"gpt2\"}".utf8), .json(.configuration)),
    (Array("{\"version\":\"1.0\",\"truncation\":null,\"added_tokens\":[]}".utf8), .json(.tokenizer)),
    (Array("prompt,subject,target\n".utf8), .text), (Array(String(repeating: "é", count: 3000).utf8), .text),
    ([0x61, 0xFF], .unknown), ([0x61, 0, 0x62], .unknown),
  ]

  @Test(arguments: contents) func `a file is told by its first bytes`(bytes: [UInt8], content: FileContent)
    throws
  {
    #expect(try FileContent(at: folder.write(bytes, to: "file")) == content)
  }

  @Test(arguments: contents) func `under every name it is refused by what it is, or read`(
    bytes: [UInt8], content: FileContent
  ) throws {
    for name in ["a.safetensors", "a.gguf", "a", "a.safetensors.index.json"] {
      let path = try folder.write(bytes, to: name)
      let error = #expect(throws: ModelFileError.self) { try ModelFile(path).tensor("a") }
      guard case .otherContent(let found, _) = error?.reason else { continue }
      #expect(found == content)
    }
  }

  @Test func `a folder is told by what it holds`() throws {
    #expect(try FileContent(at: folder.path) == .folder)
    for (name, names, content) in [
      ("none", [], FolderContent.nothing), ("torch", ["pytorch_model.bin"], .torch(["pytorch_model.bin"])),
      ("keras", ["tf_model.h5"], .otherWeights(["tf_model.h5"])),
      ("part", ["model.safetensors.incomplete"], .unfinished(["model.safetensors.incomplete"])),
    ] as [(String, [String], FolderContent)] {
      try Folder.create(folder.path(name))
      for file in names { try folder.write([1], to: "\(name)/\(file)") }
      expect(.noModelInFolder(content), of: name)
    }
    for path in [
      "hub", "hub/models--a--b", "hub/models--a--b/snapshots", "hub/models--a--b/snapshots/0f",
      "hub/models--a--b/blobs",
    ] {
      try Folder.create(folder.path(path))
    }
    expect(.noModelInFolder(.cachedRepository(snapshots: ["snapshots/0f"])), of: "hub/models--a--b")
    expect(.noModelInFolder(.cache(repositories: ["models--a--b"])), of: "hub")
    try Folder.create(folder.path("above"))
    try Folder.create(folder.path("above/model"))
    try folder.write([1], to: "above/model/a.safetensors")
    expect(.noModelInFolder(.models(in: ["model"])), of: "above")
  }

  @Test func `an adapter is no model, and one shard is not all`() throws {
    try Folder.create(folder.path("peft"))
    try folder.write(Array("{}".utf8), to: "peft/adapter_config.json")
    try folder.write([1], to: "peft/adapter_model.safetensors")
    expect(.noModelInFolder(.adapter("adapter_model.safetensors")), of: "peft")
    try Folder.create(folder.path("shards"))
    try folder.write([1], to: "shards/model-00002-of-00003.safetensors")
    expect(.indexMissing(["model-00002-of-00003.safetensors"]), of: "shards")
  }

  @Test func `a link that leads nowhere is named with where it leads`() throws {
    symlink("../blobs/gone", folder.path("model.safetensors"))
    #expect(
      throws: ModelFileError(
        .danglingLink(destination: "../blobs/gone"), file: folder.path("model.safetensors"))
    ) { try ModelFile(folder.path("model.safetensors")) }
    #expect(throws: ModelFileError.self) { try ModelFile(folder.path) }
  }

  private func expect(_ reason: ModelFileError.Reason, of name: String) {
    #expect(throws: ModelFileError(reason, file: folder.path(name))) { try ModelFile(folder.path(name)) }
  }
}
