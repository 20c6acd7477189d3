import ModelFiles
import TestSupport
import Testing

@testable import Editing

/// Files of trained editors.
@Suite struct LearnedEditorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: Vector.all("editor")) func `a file is read or refused as its vector says`(
    vector: Vector
  ) throws {
    let path = try folder.write(vector.bytes, to: "e.safetensors")
    guard let rejection = vector.rejection else {
      let editor = try LearnedEditor(path)
      #expect(editor.layers == [1, 3] && editor.steps == 7)
      // Written again it is the same editor.
      try editor.write(to: folder.path("again"))
      #expect(try LearnedEditor(folder.path("again")).digest == editor.digest)
      return
    }
    let error = #expect(throws: (any Error).self) { try LearnedEditor(path) }
    #expect(error.map(caseName(ofError:)) == rejection)
  }

  @Test func `what it came to is told`() throws {
    let vectors = Dictionary(uniqueKeysWithValues: Vector.all("editor").map { ($0.name, $0.bytes) })
    func editor(_ name: String) throws -> LearnedEditor {
      try LearnedEditor(folder.write(#require(vectors[name]), to: name))
    }
    let mend = try editor("accept-mend")
    #expect(mend.kind == .mend && mend.measures?.locality == 0.75 && mend.measures?.count == 4)
    #expect(try editor("accept-ke").kind == .ke)
    #expect(try editor("accept-no-measures").measures == nil)
    #expect(try editor("accept-mend-doubles").digest == mend.digest)
  }
}
