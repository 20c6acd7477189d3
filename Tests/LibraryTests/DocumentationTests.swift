import ErrataEditing
import TestSupport
import Testing

/// What the documentation catalogs show is the code of `Examples`, and that code does what they say.
@Suite struct DocumentationTests {
  static let catalogs = ["ErrataModels", "ErrataPatches", "ErrataEditing"]

  /// Blocks of lines between two marks, without their indentation.
  private static func blocks(_ text: String, from first: String, to last: String) -> [[String]] {
    var blocks: [[String]] = []
    var open: [String]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let bare = String(line.drop { $0 == " " })
      if open != nil, bare == last {
        blocks.append(open!)
        open = nil
      } else if open != nil {
        open!.append(bare)
      } else if bare == first {
        open = []
      }
    }
    return blocks
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try FileBytes.read(PackageFiles.path(path)), as: UTF8.self)
  }

  @Test(arguments: catalogs) func `every block of code in the catalogs is an example that runs`(
    catalog: String
  ) throws {
    let examples = Self.blocks(
      try Self.text("Tests/LibraryTests/Examples.swift"), from: "// example", to: "// end")
    let shown = Self.blocks(
      try Self.text("Sources/\(catalog)/\(catalog).docc/\(catalog).md"), from: "```swift", to: "```")
    #expect(!shown.isEmpty)
    for block in shown { #expect(examples.contains(block), "\(block.joined(separator: "\n"))") }
  }

  @Test func `no example is shown nowhere`() throws {
    let shown = try Self.catalogs.flatMap {
      Self.blocks(try Self.text("Sources/\($0)/\($0).docc/\($0).md"), from: "```swift", to: "```")
    }
    for block in Self.blocks(
      try Self.text("Tests/LibraryTests/Examples.swift"), from: "// example", to: "// end")
    {
      #expect(shown.contains(block), "\(block.joined(separator: "\n"))")
    }
  }

  @Test func `the examples of model files`() throws {
    let path = PackageFiles.path("Fixtures/models/tiny-llama")
    #expect(try Examples.largestTensor(of: path)?.name == "model.embed_tokens.weight")
    #expect(try Examples.words(of: ModelFile(path)) == " Telsholm.")
  }

  @Test func `the examples of patches, on two models that differ by one row`() throws {
    let folder = try TemporaryFolder()
    let source = PackageFiles.path("Fixtures/models/tiny-gpt2/model.safetensors")
    let base = Folder.path(folder.path, "base.safetensors")
    let edited = Folder.path(folder.path, "edited.safetensors")
    var bytes = try FileBytes.read(source)
    try folder.write(bytes, to: "base.safetensors")
    let weight = try ModelFile(base).tensor("transformer.h.1.mlp.c_proj.weight")
    for place in 0..<64 { bytes[weight.byteRange.lowerBound + 2 * place] ^= 1 }
    try folder.write(bytes, to: "edited.safetensors")

    let path = Folder.path(folder.path, "change.errata")
    let patch = try Examples.difference(ModelFile(base), ModelFile(edited), to: path)
    #expect(patch.changes.map(\.name) == [weight.name])
    let output = Folder.path(folder.path, "applied.safetensors")
    #expect(try Examples.apply(path, ModelFile(base), to: output) == .base)
    #expect(try FileBytes.read(output) == bytes)
    #expect(try Examples.apply(path, ModelFile(edited), to: output + "2") == .edited)
    let tensors = try Examples.tensors(patch, ModelFile(base))
    #expect(tensors == [weight.name: Array(bytes[weight.byteRange])])
  }
}
