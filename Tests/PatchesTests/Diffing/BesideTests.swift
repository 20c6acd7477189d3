import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Two folders of one model with other small files beside the weights.
struct BesideBench {
  let bench: Workbench

  init() throws { bench = try Workbench() }
  /// `nil` where a side does not have the file.
  var files: [String: (base: [UInt8]?, edited: [UInt8]?)] = [
    "config.json": (Array("{\"vocab_size\": 480}".utf8), Array("{\"vocab_size\": 512}".utf8)),
    "merges.txt": (nil, Array("a b\n".utf8)),
    "spiece.model": ([0, 255, 10, 13, 0, 128, 7], [0, 255, 13, 10, 0, 128, 7, 0]),
    "chat_template.jinja": (Array("{{ x }}\r\n".utf8), []),
    "special_tokens_map.json": (Array("{}".utf8), nil),
    "generation_config.json": (Array("{}".utf8), Array("{}".utf8)),
  ]

  func write(changingWeights: Bool = true) throws {
    let tensor = TestTensor("w", .bf16, [40, 30])
    for isBase in [true, false] {
      let name = isBase ? "base" : "edited"
      try Folder.create(bench.folder.path(name))
      try bench.write(
        [isBase || !changingWeights ? tensor : tensor.changed()], to: name + "/model.safetensors")
      for (file, sides) in files {
        if let bytes = isBase ? sides.base : sides.edited {
          try bench.folder.write(bytes, to: name + "/" + file)
        }
      }
    }
  }

  var pair: ModelPair { ModelPair(bench: bench, base: "base", edited: "edited") }

  /// Every file of a folder.
  func content(_ folder: String) throws -> [String: [UInt8]] {
    let names = try Folder.names(in: bench.folder.path(folder)).filter { !$0.hasPrefix(".") }
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try bench.folder.read(folder + "/" + $0)) })
  }
}

@Suite struct BesideTests {
  @Test(arguments: [true, false])
  func `files beside the weights go both ways with the patch, whatever bytes they hold`(weights: Bool) throws
  {
    let made = try BesideBench()
    try made.write(changingWeights: weights)
    let patch = try made.pair.write()
    #expect(
      patch.beside.map { "\($0.name) \($0.label)" } == [
        "chat_template.jinja changed", "config.json changed", "merges.txt added",
        "special_tokens_map.json removed", "spiece.model changed",
      ])
    #expect(!patch.changesLayout && patch.changes.count == (weights ? 1 : 0))
    for (direction, from, to) in [(PatchRun.Direction.apply, "base", "edited"), (.revert, "edited", "base")] {
      try made.bench.run("p.errata", from).write(direction, to: made.bench.folder.path("out"))
      #expect(try made.content("out") == made.content(to))
      Folder.remove(made.bench.folder.path("out"))
      let run = try made.bench.run("p.errata", from)
      #expect(try run.state(of: run.examine()) == (direction == .apply ? .base : .edited))
    }
  }

  @Test func `folders that differ in a configuration alone are not the same`() throws {
    var made = try BesideBench()
    made.files = ["config.json": ([1], [2])]
    try made.write(changingWeights: false)
    let comparison = try made.pair.comparison()
    #expect(!comparison.isEmpty && comparison.names.isEmpty)
    let weights = try ModelComparison(comparison.base, comparison.edited, threads: 1, weightsOnly: true)
    #expect(weights.isEmpty && weights.beside.map(\.leftOut) == [.onRequest])
    #expect(
      try weights.write(to: made.bench.folder.path("p.errata"), tool: "errata test", threads: 1).beside
        .isEmpty)
  }

  @Test func `what does not travel is named, with the reason`() throws {
    var made = try BesideBench()
    made.files = [
      "README.md": ([1], [2]), "modeling.py": (nil, [1]), "tokenizer.json": ([1], [2]),
      ".gitattributes": ([1], [2]),
      "optimizer.bin": ([1], [2]), "vocab.txt": ([1], nil),
    ]
    try made.write()
    let large = try OpenFile(made.bench.folder.path("edited/huge.json"), .creating)
    try large.write([1], at: BesideFile.byteLimit)
    let found = try made.pair.comparison().beside
    #expect(
      found.map { "\($0.name) \($0.leftOut?.rawValue ?? "-")" } == [
        "README.md other-kind", "huge.json too-large", "modeling.py other-kind", "tokenizer.json -",
        "vocab.txt -",
      ])
    #expect(try made.pair.write().beside.map(\.name) == ["tokenizer.json", "vocab.txt"])
  }

  @Test func `a long file costs what differs in it`() throws {
    var made = try BesideBench()
    var generator = SplitMix64(state: 5)
    let long = (0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    made.files = ["tokenizer.json": (long, long[..<1_000_000] + [1, 2, 3] + long[1_000_000...])]
    try made.write(changingWeights: false)
    #expect(try made.pair.write().byteCount < 2000)
    try made.bench.run("p.errata", "base").write(.apply, to: made.bench.folder.path("out"))
    #expect(try made.bench.folder.read("out/tokenizer.json") == made.files["tokenizer.json"]?.edited)
  }

  @Test func `another configuration is another model, but for the weights alone`() throws {
    let made = try BesideBench()
    try made.write()
    try made.pair.write()
    try made.bench.copy("base", to: "mine")
    try made.bench.folder.write([7], to: "mine/config.json")
    try made.bench.folder.write([7], to: "mine/merges.txt")
    let run = try made.bench.run("p.errata", "mine")
    #expect(try run.state(of: run.examine()) == .other)
    #expect { try run.write(.apply, to: made.bench.folder.path("out")) } throws: { error in
      guard case PatchError.wrongFile(let file, _, _, .other)? = error as? PatchError else { return false }
      return file == made.bench.folder.path("mine/config.json")
    }
    #expect(throws: PatchError.self) { try run.changeInPlace(.apply) }
    let weights = try PatchRun(run.patch, run.model, threads: 1, weightsOnly: true)
    try weights.write(.apply, to: made.bench.folder.path("out"))
    #expect(try made.content("out")["config.json"] == [7])
    #expect(try made.content("out")["model.safetensors"] == made.content("edited")["model.safetensors"])
    // A single file is no folder, whatever stands beside it.
    #expect(
      throws: PatchError.filesNeedFolder(
        patch: run.patch.path, file: "chat_template.jinja",
        model: made.bench.folder.path("base/model.safetensors"))
    ) { try made.bench.run("p.errata", "base/model.safetensors").check(.apply) }
  }

  @Test(arguments: [true, false], [PatchRun.Direction.apply, .revert])
  func `an in-place run killed at any step is completed or undone, files and all`(
    weights: Bool, direction: PatchRun.Direction
  ) throws {
    let made = try BesideBench()
    try made.write(changingWeights: weights)
    try made.pair.write()
    let (start, goal) = direction == .apply ? ("base", "edited") : ("edited", "base")
    var kills = 0
    for stop in 0... {
      let rollingBack = stop % 2 == 1
      try made.bench.copy(start, to: "model")
      let path = made.bench.folder.path("model")
      var run = try made.bench.run("p.errata", "model")
      let disk = FailingDisk(.tears, at: stop)
      run.disk = disk
      do { try run.changeInPlace(direction) } catch { kills += 1 }
      let isOpen = try !InterruptedRun.all(on: ModelFile(path)).isEmpty
      let left = try made.content("model").filter { !$0.key.hasSuffix(".errata-journal") }
      _ = try PatchRun.recover(ModelFile(path), rollingBack: rollingBack, threads: 1)
      let wanted = try isOpen ? made.content(rollingBack ? start : goal) : left
      #expect(try made.content("model") == wanted, "operation \(stop), rolling back \(rollingBack)")
      #expect(try isOpen || left == made.content(start) || left == made.content(goal))
      guard disk.isHit else { break }
    }
    #expect(kills >= 7)
    #expect(try made.content("model") == made.content(goal))
  }

  @Test func `a run on the weights alone is completed on the weights alone`() throws {
    let made = try BesideBench()
    try made.write()
    try made.pair.write()
    try made.bench.copy("base", to: "model")
    let path = made.bench.folder.path("model")
    var run = try PatchRun(
      PatchFile(made.bench.folder.path("p.errata")), ModelFile(path), threads: 1, weightsOnly: true)
    // The journal is there, and a tile is written.
    run.disk = FailingDisk(.tears, at: 7)
    #expect(throws: InPlaceFailure.self) { try run.changeInPlace(.apply) }
    #expect(try PatchRun.recover(ModelFile(path), threads: 1).count == 1)
    let (model, base) = try (made.content("model"), made.content("base"))
    #expect(model["config.json"] == base["config.json"])
    #expect(try model["model.safetensors"] == made.content("edited")["model.safetensors"])
  }

  @Test func `a file that was changed since the run was cut off is left alone`() throws {
    let made = try BesideBench()
    try made.write()
    try made.pair.write()
    try made.bench.copy("base", to: "model")
    let path = made.bench.folder.path("model")
    var run = try made.bench.run("p.errata", "model")
    run.disk = FailingDisk(.dies, at: 7)
    #expect(throws: InPlaceFailure.self) { try run.changeInPlace(.apply) }
    try made.bench.folder.write([7], to: "model/config.json")
    let before = try made.content("model")
    let error = #expect(throws: PatchError.self) { try PatchRun.recover(ModelFile(path), threads: 1) }
    guard case .foreignFile(_, path + "/config.json") = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try made.content("model") == before)
  }

  @Test func `a link beside the weights is not replaced in place`() throws {
    let made = try BesideBench()
    try made.write()
    try made.pair.write()
    try made.bench.copy("base", to: "model")
    Folder.remove(made.bench.folder.path("model/config.json"))
    try made.bench.link("model/config.json", to: made.bench.folder.path("base/config.json"))
    let before = try made.content("model")
    #expect(throws: ModelFileError.self) { try made.bench.run("p.errata", "model").changeInPlace(.apply) }
    #expect(try made.content("model") == before)
    #expect(try made.content("base")["config.json"] == made.files["config.json"]?.base)
  }
}
