import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// The model that all patch vectors speak of: tensor w, F16 [2, 2].
struct WorkedExample {
  static let base: [UInt8] = [0x00, 0x3C, 0x00, 0x42, 0x00, 0xBA, 0x00, 0x64]
  static let edited: [UInt8] = [0x00, 0x40, 0x80, 0x43, 0x00, 0xB4, 0x00, 0x64]
  /// The base times 0.9.
  static let scaled: [UInt8] = [0x33, 0x3B, 0x66, 0x41, 0x66, 0xB9, 0x33, 0x63]
  /// The base and a third row.
  static let resized = base + [0x00, 0x45, 0x00, 0xC0]
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    for (name, bytes) in [("base", Self.base), ("edited", Self.edited), ("scaled", Self.scaled)] {
      try bench.write([TestTensor("w", .f16, [2, 2], bytes: bytes)], to: name + ".safetensors")
    }
    try bench.write([TestTensor("w", .f16, [3, 2], bytes: Self.resized)], to: "resized.safetensors")
    // A third column, 5 and −2.
    let extended = Self.base[..<4] + [0x00, 0x45] + Self.base[4...] + [0x00, 0xC0]
    try bench.write([TestTensor("w", .f16, [2, 3], bytes: Array(extended))], to: "extended.safetensors")
    // The same in folders, with a configuration beside them.
    for (name, bytes, configuration) in [
      ("base", Self.base, "{\"a\": 1}\n"), ("edited", Self.edited, "{\"a\": 2}\n"),
    ] {
      try Folder.create(bench.folder.path(name))
      try bench.write([TestTensor("w", .f16, [2, 2], bytes: bytes)], to: name + "/model.safetensors")
      try bench.folder.write(Array(configuration.utf8), to: name + "/config.json")
    }
  }

  /// All that a reader does with a patch: opens it, checks it, applies it, reverts it.
  func use(_ bytes: [UInt8]) throws {
    try bench.folder.write(bytes, to: "p.errata")
    let patch = try PatchFile(bench.folder.path("p.errata"))
    try patch.checkBlocks(threads: 1)
    if let memory = try MemoryArrays(patch, threads: 1) { _ = try memory.facts() }
    guard patch.beside.isEmpty else { return try useFolders(patch) }
    try change(patch, .apply, "base.safetensors")
    let label = patch.changes.first?.label ?? ""
    let edited = ["scaled", "resized", "extended"].contains(label) ? label : "edited"
    try change(patch, .revert, edited + ".safetensors")
  }

  private func change(_ patch: PatchFile, _ direction: PatchRun.Direction, _ model: String) throws {
    let run = try PatchRun(patch, ModelFile(bench.folder.path(model)), threads: 1)
    try run.requireSource(of: direction)
    try run.write(direction, to: bench.folder.path("out.safetensors"))
  }

  /// The result of applying is the edited folder, but for a file that another vector brings; it leads back.
  private func useFolders(_ patch: PatchFile) throws {
    for (direction, from, to) in [(PatchRun.Direction.apply, "base", "out"), (.revert, "out", "back")] {
      try PatchRun(patch, ModelFile(bench.folder.path(from)), threads: 1).write(
        direction, to: bench.folder.path(to))
    }
    for name in ["config.json", "model.safetensors"] {
      #expect(try bench.folder.read("back/" + name) == bench.folder.read("base/" + name))
    }
    #expect(try bench.folder.read("out/model.safetensors") == bench.folder.read("edited/model.safetensors"))
  }
}

/// The name of an error's case, as `Formats/patch.md` gives it.
func caseName(_ error: any Error) -> String { String("\(error)".prefix { $0 != "(" }) }

@Suite struct PatchVectorTests {
  static let vectors = Vector.all("patch")

  @Test(arguments: vectors)
  func `a vector is read or refused as it says`(vector: Vector) throws {
    let example = try WorkedExample()
    guard let rejection = vector.rejection else {
      try example.use(vector.bytes)
      return
    }
    let error = #expect(throws: PatchError.self) { try example.use(vector.bytes) }
    #expect(error.map(caseName) == rejection)
    #expect(vector.name.hasPrefix("reject-" + rejection))
    // A refused patch leaves nothing behind; one that is refused when reverting was applied before.
    let isApplied = try example.bench.names().contains { $0.hasPrefix("out") }
    #expect(!isApplied || ["choicesMismatch", "wrongResult"].contains(rejection))
  }

  @Test func `every error that a patch file can give has a vector`() {
    let named = Set(Self.vectors.compactMap(\.rejection))
    #expect(
      named == [
        "notAPatch", "unknownVersion", "unknownFeature", "manifestTooLarge", "tooManyBlocks", "wrongLength",
        "patchDigest", "blockTooLarge", "unknownCoding", "blockDigest", "blockDecoding", "badManifest",
        "manifestSyntax", "unknownChange", "badBlockRange", "leafDigest", "fileDigest", "notFinite",
        "choicesMismatch", "tensorMissing", "tensorMismatch", "wrongBase", "wrongFile", "wrongResult",
        "badMemory",
      ])
  }

  @Test func `the worked example is what the writer writes`() throws {
    let example = try WorkedExample()
    let model = try ModelFile(example.bench.folder.path("base.safetensors"))
    let writer = try PatchWriter(example.bench.folder.path("p.errata"))
    let factors = LowRankFactors(
      left: Matrix(rows: 2, columns: 1, elements: [2, 1]),
      right: Matrix(rows: 1, columns: 2, elements: [0.5, 0.375]))
    try writer.append(
      factors, to: model.tensor("w"), of: model, orientation: .outputMajor, options: LowRankOptions())
    try writer.finish(tool: "by hand", family: nil, edit: nil)
    let vector = try #require(Self.vectors.first { $0.name == "accept-rank-one" })
    #expect(try example.bench.folder.read("p.errata") == vector.bytes)

    let run = try example.bench.run("p.errata", "base.safetensors")
    try run.write(.apply, to: example.bench.folder.path("out.safetensors"))
    #expect(try example.bench.bytes(of: "w", in: "out.safetensors") == WorkedExample.edited)
    let back = try example.bench.run("p.errata", "out.safetensors")
    try back.write(.revert, to: example.bench.folder.path("back.safetensors"))
    #expect(try example.bench.bytes(of: "w", in: "back.safetensors") == WorkedExample.base)
  }
}

/// A patch of two tensors, about 3 KB, with every coding in it.
@Suite struct PatchDamageTests {
  let bench: Workbench
  let bytes: [UInt8]
  let file: OpenFile

  init() throws {
    bench = try Workbench()
    let model = try bench.write(
      [TestTensor("v", .bf16, [40, 30]), TestTensor("w", .f32, [20, 30])], to: "base.safetensors")
    try bench.patch(
      [TestEdit(tensor: "v", rank: 3), TestEdit(tensor: "w", rank: 1, factorType: .f32)], of: model,
      to: "p.errata")
    bytes = try bench.folder.read("p.errata")
    file = try OpenFile(bench.folder.path("p.errata"), .updating)
  }

  /// Opens and checks a part of the file; `nil` when it is accepted.
  func refusal(_ range: Range<Int>) -> (any Error)? {
    do { try PatchFile(file, range).checkBlocks(threads: 1) } catch { return error }
    return nil
  }

  @Test(arguments: 0..<8)
  func `a patch with one bit flipped is refused`(bit: Int) throws {
    #expect(refusal(0..<bytes.count) == nil)
    for position in bytes.indices {
      try file.write([bytes[position] ^ 1 << UInt8(bit)], at: position)
      #expect(refusal(0..<bytes.count) is PatchError, "byte \(position)")
      try file.write([bytes[position]], at: position)
    }
    #expect(refusal(0..<bytes.count) == nil)
  }

  @Test func `a patch cut at any length is refused`() throws {
    #expect((2000...5000).contains(bytes.count))
    for length in 0..<bytes.count { #expect(refusal(0..<length) is PatchError, "\(length) bytes") }
    try bench.folder.write(Array(bytes.dropLast()), to: "cut.errata")
    #expect(
      throws: PatchError.wrongLength(
        file: bench.folder.path("cut.errata"), expected: UInt64(bytes.count), found: UInt64(bytes.count - 1))
    ) { try PatchFile(bench.folder.path("cut.errata")) }
  }

  @Test(arguments: [1, 32, 48, 4096])
  func `a patch with bytes after it is refused`(count: Int) throws {
    try file.write([UInt8](repeating: 0, count: count), at: bytes.count)
    #expect(refusal(0..<bytes.count + count).map(caseName) == "wrongLength")
  }

  @Test func `a patch with a sealed fault in its manifest is refused or does what it did`() throws {
    // The patch digest is made to fit, as somebody with bad intent would: the checks behind it must hold.
    var generator = SplitMix64(state: 77)
    let parts = PatchParts(bytes)
    var refused = 0
    for round in 0..<2000 {
      var manifest = Array(parts.manifest.utf8)
      for _ in 0...Int.random(in: 0...2, using: &generator) {
        let position = Int.random(in: manifest.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: manifest[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: manifest[position] ^= 1 << UInt8.random(in: 0..<7, using: &generator)
        case 2: manifest[position] = Array("0123456789\"{}[],:-".utf8).randomElement(using: &generator)!
        default: manifest.remove(at: position)
        }
      }
      let sealed = parts.sealed(manifest: manifest)
      try bench.folder.write(sealed, to: "f.errata")
      do {
        try PatchFile(bench.folder.path("f.errata")).checkBlocks(threads: 1)
        try bench.run("f.errata", "base.safetensors").write(.apply, to: bench.folder.path("out.safetensors"))
      } catch {
        #expect(error is PatchError, "round \(round): \(error)")
        refused += 1
      }
    }
    #expect(refused > 1800)
  }

  @Test func `a patch with sealed faults in its blocks gives the promised tensor or none`() throws {
    var generator = SplitMix64(state: 78)
    let parts = PatchParts(bytes)
    try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("edited.safetensors"))
    let edited = try bench.folder.read("edited.safetensors")
    let base = try bench.folder.read("base.safetensors")
    for round in 0..<400 {
      var faulty = parts
      let block = Int.random(in: faulty.blocks.indices, using: &generator)
      let position = Int.random(in: faulty.blocks[block].stored.indices, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: faulty.blocks[block].stored[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: faulty.blocks[block].stored.remove(at: position)
      default: faulty.blocks[block].stored.insert(UInt8.random(in: 0...255, using: &generator), at: position)
      }
      try bench.folder.write(faulty.sealed, to: "f.errata")
      for (direction, model, goal) in [
        (PatchRun.Direction.apply, "base.safetensors", edited), (.revert, "edited.safetensors", base),
      ] {
        Folder.remove(bench.folder.path("out.safetensors"))
        do {
          try bench.run("f.errata", model).write(direction, to: bench.folder.path("out.safetensors"))
          #expect(try bench.folder.read("out.safetensors") == goal, "round \(round)")
        } catch {
          #expect(error is PatchError, "round \(round): \(error)")
          #expect(try !bench.names().contains("out.safetensors"))
        }
      }
    }
  }
}
