import Editing
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@Suite struct KeysFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: Vector.all("keys")) func `a file is read or refused as its vector says`(vector: Vector)
    throws
  {
    let path = try folder.write(vector.bytes, to: "k.safetensors")
    func readAll() throws {
      let file = try KeysFile(path)
      for weight in file.weights { _ = try file.edits(of: weight) }
    }
    guard let rejection = vector.rejection else { return try readAll() }
    let error = #expect(throws: (any Error).self) { try readAll() }
    #expect(error.map(caseName(ofError:)) == rejection)
    #expect((error as? ModelFileError)?.byteOffset == vector.byteOffset)
  }

  private func accepted(_ name: String) throws -> KeysFile {
    let vector = try #require(Vector.all("keys").first { $0.name == "accept-\(name)" })
    return try KeysFile(folder.write(vector.bytes, to: "k.safetensors"))
  }

  @Test func `edits are rows`() throws {
    let file = try accepted("two-edits")
    let edits = try file.edits(of: file.weights[0])
    #expect((edits.keys.rows, edits.keys.columns) == (2, 3))
    #expect(edits.keys.elements == [1, 2, 3, 4, 5, 6])
    #expect(edits.residuals.elements == [1, 2, 3, 4])
    #expect(edits.earlierKeys == nil)
    #expect(file.facts == nil)
  }

  @Test func `earlier keys come along`() throws {
    let file = try accepted("earlier-keys")
    #expect(try file.edits(of: file.weights[0]).earlierKeys?.elements == [1, 2, 3])
  }

  @Test func `weights stand sorted`() throws {
    #expect(
      try accepted("two-weights").weights == ["h.0.mlp.c_proj.weight", "model.layers.5.mlp.down_proj.weight"])
  }

  @Test func `facts are read`() throws {
    #expect(try accepted("facts").facts == [["prompt": "{} is in", "subject": "Rome", "target": " Paris"]])
  }

  @Test(arguments: ["tiny-gpt2", "tiny-llama"]) func `the reference's own keys are read`(name: String) throws
  {
    let file = try KeysFile(PackageFiles.path("Fixtures/reference/\(name).ten-facts.keys.safetensors"))
    #expect(file.weights.count == 2)
    #expect(file.facts?.count == 10)
    let edits = try file.edits(of: file.weights[1])
    #expect(edits.keys.rows == 10 && edits.keys.columns == 256)
  }
}
