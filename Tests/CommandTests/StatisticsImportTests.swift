import ModelFiles
import TestSupport
import Testing

@Suite struct StatisticsImportTests {
  static let weight = "transformer.h.1.mlp.c_proj"
  static let model = PackageFiles.path("Fixtures/models/tiny-gpt2")

  /// A NumPy array file of version 1.
  private func numPy(_ type: String, shape: String, _ data: [UInt8]) -> [UInt8] {
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(text.utf8.count, 2) + Array(text.utf8) + data
  }

  private func little(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  /// A zip archive of stored entries, without the checksums that nobody asks for here.
  private func archive(_ entries: [(name: String, data: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for (name, data) in entries {
      let common =
        little(20, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(0, 4) + little(data.count, 4)
        + little(data.count, 4) + little(name.utf8.count, 2) + little(0, 2)
      directory +=
        Array("PK\u{1}\u{2}".utf8) + little(20, 2) + common + little(0, 10) + little(bytes.count, 4)
      directory += Array(name.utf8)
      bytes += Array("PK\u{3}\u{4}".utf8) + common + Array(name.utf8) + data
    }
    let end =
      Array("PK\u{5}\u{6}".utf8) + little(0, 4) + little(entries.count, 2) + little(entries.count, 2)
      + little(directory.count, 4) + little(bytes.count, 4) + little(0, 2)
    return bytes + directory + end
  }

  @Test func `a published second moment becomes the statistics that it was made of`() throws {
    let folder = try TemporaryFolder()
    let runner = CommandRunner(in: folder.path)
    let reference = try ModelFile(PackageFiles.path("Fixtures/reference/tiny-gpt2.statistics.safetensors"))
    let sum = try reference.tensor(Self.weight + ".weight.second_moment_sum")
    let bytes = try reference.file(of: sum).read(sum.byteCount, at: sum.byteRange.lowerBound)
    let npz = archive([
      ("mom2.constructor.npy", numPy("<f4", shape: "()", [0, 0, 0, 0])),
      ("mom2.count.npy", numPy("<i8", shape: "()", little(28145, 8))),
      ("mom2.mom2.npy", numPy("<f4", shape: "(256, 256)", bytes)),
    ])
    let name = Self.weight + "_float32_mom2_100000.npz"
    try folder.write(npz, to: name)

    let result = try runner.errata(
      "stats", "import", name, "--model", Self.model, "-o", "out.safetensors", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try result.object()["weights"]?.elements?[0]["tokens"] == 28145)
    let imported = try ModelFile(folder.path("out.safetensors"))
    let tensor = try imported.tensor(sum.name)
    #expect(try imported.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound) == bytes)

    // The same under another name needs --weight; another weight's input is of another width.
    try folder.write(npz, to: "moments.npz")
    let arguments = [
      "stats", "import", "moments.npz", "--model", Self.model, "-o", "again.safetensors", "--json",
    ]
    for (more, error) in [
      ([], "badArchive"), (["--weight", "transformer.h.1.attn.c_attn.weight"], "archiveWidth"),
      (["--weight", "nothing"], "noSuchTensor"),
    ] {
      let refused = try runner.start(CommandRunner.errata, arguments + more).wait()
      #expect(refused.status == 1)
      #expect(try refused.object()["error"]?["name"] == .string(error))
    }
    #expect(!Folder.occupied(folder.path("again.safetensors")))
    let named = try runner.start(CommandRunner.errata, arguments + ["--weight", Self.weight + ".weight"])
      .wait()
    #expect(named.status == 0)
    #expect(try folder.read("again.safetensors") == folder.read("out.safetensors"))
  }
}
