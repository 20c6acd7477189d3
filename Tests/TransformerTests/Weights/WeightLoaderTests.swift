import ModelFiles
import TestSupport
import Testing
import Transformer

@Suite struct WeightLoaderTests {
  @Test func `weights of other shapes than the configuration says are refused`() throws {
    let folder = try TemporaryFolder()
    let base = PackageFiles.path("Fixtures/models/families/llama2")
    try folder.write(FileBytes.read(base + "/model.safetensors"), to: "model.safetensors")
    let config = String(decoding: try FileBytes.read(base + "/config.json"), as: UTF8.self)
    let (key, width) = (
      "\"intermediate_size\": ", try FamilyReference("llama2").network().configuration.feedForwardWidth
    )
    try folder.write(
      Array(config.replacing(key + "\(width)", with: key + "\(width + 1)").utf8), to: "config.json")
    let error = #expect(throws: NetworkError.self) { try Network(ModelFile(folder.path), threads: 1) }
    guard case .weightShape(_, let expected, let found) = error else {
      Issue.record("refused as \(String(describing: error))")
      return
    }
    #expect(expected != found && expected.contains(width + 1))
  }
}
