import Glibc
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// A model that is not the one, and outputs that must not be: refused before anything is written.
@Suite struct WrongModelTests {
  let bench: Workbench

  init() throws {
    bench = try Workbench()
    let model = try bench.write(
      [TestTensor("v", .bf16, [700, 800], seed: 1), TestTensor("w", .f32, [30, 20], seed: 2)],
      to: "base.safetensors")
    try bench.patch([TestEdit(tensor: "v"), TestEdit(tensor: "w", rank: 2)], of: model, to: "p.errata")
    try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("edited.safetensors"))
  }

  func state(_ model: String) throws -> ModelState {
    let run = try bench.run("p.errata", model)
    return try run.summary(of: run.examine())
  }

  @Test(arguments: [("v", 0), ("v", 1_119_999), ("w", 1234)])
  func `one changed byte in a touched tensor is told with tensor and both digests`(tensor: String, byte: Int)
    throws
  {
    let model = try ModelFile(bench.folder.path("base.safetensors"))
    let info = try model.tensor(tensor)
    var bytes = try bench.folder.read("base.safetensors")
    let place = info.byteRange.lowerBound + byte % info.byteCount
    bytes[place] ^= 1
    try bench.folder.write(bytes, to: "other.safetensors")
    let run = try bench.run("p.errata", "other.safetensors")
    let change = try #require(run.patch.changes.first { $0.name == tensor })
    let found = try #require(run.examine().first { $0.name == tensor }).digest
    #expect(found != change.baseDigest)
    let error = PatchError.wrongBase(
      tensor: tensor, file: bench.folder.path("other.safetensors"), expected: change.baseDigest, found: found,
      state: .other)
    #expect(throws: error) { try run.requireSource(of: .apply) }
    #expect(throws: error) { try run.changeInPlace(.apply) }
    #expect(try bench.folder.read("other.safetensors") == bytes)
    #expect(try state("other.safetensors") == .other)
    #expect(try !bench.names().contains { $0.contains("journal") })
  }

  /// By somebody who appends or cuts while a run is under way, to the one file or to a shard.
  @Test(arguments: [1000, 1, -1]) func `a file whose length changes meanwhile gives no output`(change: Int)
    throws
  {
    let bytes = try bench.folder.read("base.safetensors")
    try Folder.create(bench.folder.path("folder"))
    for name in ["grown.safetensors", "folder/model.safetensors"] {
      try bench.folder.write(bytes, to: name)
      let run = try bench.run("p.errata", name.hasPrefix("folder") ? "folder" : name)
      let changed = change > 0 ? bytes + [UInt8](repeating: 7, count: change) : bytes.dropLast(-change)
      let file = try OpenFile(bench.folder.path(name), .updating)
      try file.write(Array(changed), at: 0)
      #expect(truncate(bench.folder.path(name), changed.count) == 0)
      let error = #expect(throws: (any Error).self) {
        try run.write(.apply, to: bench.folder.path("out"))
      }
      guard change > 0 else { continue }
      guard case .lengthChanged(_, bytes.count, changed.count)? = error as? PatchError else {
        Issue.record("\(name): \(String(describing: error))")
        continue
      }
    }
    #expect(!Folder.occupied(bench.folder.path("out")))
  }

  @Test func `a change to a tensor that the patch does not touch is no matter`() throws {
    let bench = try Workbench()
    let tensors = [TestTensor("v", .bf16, [3, 4]), TestTensor("x", .u8, [3], bytes: [1, 2, 3])]
    let model = try bench.write(tensors, to: "base.safetensors")
    try bench.patch([TestEdit(tensor: "v")], of: model, to: "p.errata")
    try bench.write([tensors[0], TestTensor("x", .u8, [3], bytes: [3, 2, 1])], to: "other.safetensors")
    try bench.run("p.errata", "other.safetensors").requireSource(of: .apply)
  }

  @Test func `applying twice and reverting the base are refused`() throws {
    #expect(try state("base.safetensors") == .base)
    #expect(try state("edited.safetensors") == .edited)
    for (direction, name, state) in [
      (PatchRun.Direction.apply, "edited.safetensors", ModelState.edited),
      (.revert, "base.safetensors", .base),
    ] {
      let before = try bench.folder.read(name)
      let error = #expect(throws: PatchError.self) {
        try bench.run("p.errata", name).changeInPlace(direction)
      }
      guard case .wrongBase("v", _, let expected, let found, state) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(expected != found)
      #expect(try bench.folder.read(name) == before)
    }
  }

  @Test func `a model that is edited in one tensor only is partial`() throws {
    var bytes = try bench.folder.read("base.safetensors")
    let model = try ModelFile(bench.folder.path("base.safetensors"))
    let range = try model.tensor("w").byteRange
    bytes.replaceSubrange(range, with: try bench.bytes(of: "w", in: "edited.safetensors"))
    try bench.folder.write(bytes, to: "half.safetensors")
    #expect(try state("half.safetensors") == .partial)
    #expect(throws: PatchError.self) {
      try bench.run("p.errata", "half.safetensors").requireSource(of: .apply)
    }
    #expect(throws: PatchError.self) {
      try bench.run("p.errata", "half.safetensors").requireSource(of: .revert)
    }
  }

  @Test func `a foreign model is refused by the first tensor that does not fit`() throws {
    try bench.write([TestTensor("v", .bf16, [700, 800])], to: "less.safetensors")
    #expect(throws: PatchError.tensorMissing(tensor: "w", model: bench.folder.path("less.safetensors"))) {
      try bench.run("p.errata", "less.safetensors")
    }
    for (tensor, found) in [
      (TestTensor("w", .f32, [20, 30]), "F32 [20, 30]"), (TestTensor("w", .f64, [30, 20]), "F64 [30, 20]"),
      (TestTensor("w", .f32, [600]), "F32 [600]"),
    ] {
      try bench.write([TestTensor("v", .bf16, [700, 800]), tensor], to: "other.safetensors")
      #expect(
        throws: PatchError.tensorMismatch(
          tensor: "w", model: bench.folder.path("other.safetensors"), expected: "F32 [30, 20]", found: found)
      ) { try bench.run("p.errata", "other.safetensors") }
    }
  }

  @Test func `an output that is an input is refused, by whatever name`() throws {
    let before = try bench.folder.read("base.safetensors")
    let run = try bench.run("p.errata", "base.safetensors")
    for name in ["base.safetensors", "./base.safetensors", "p.errata"] {
      #expect(throws: PatchError.outputIsInput(path: bench.folder.path(name))) {
        try run.write(.apply, to: bench.folder.path(name))
      }
    }
    #expect(try bench.folder.read("base.safetensors") == before)
  }

  @Test func `an existing folder is not replaced`() throws {
    try Folder.create(bench.folder.path("there"))
    #expect(throws: PatchError.outputExists(path: bench.folder.path("there"))) {
      try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("there"))
    }
    try Folder.create(bench.folder.path("model"))
    try bench.folder.write(bench.folder.read("base.safetensors"), to: "model/model.safetensors")
    for name in ["there", "p.errata", "model"] {
      #expect(throws: PatchError.outputExists(path: bench.folder.path(name))) {
        try bench.run("p.errata", "model").write(.apply, to: bench.folder.path(name))
      }
    }
  }

  @Test func `an existing file is replaced whole`() throws {
    try bench.folder.write([1, 2, 3], to: "out.safetensors")
    try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("out.safetensors"))
    #expect(try bench.folder.read("out.safetensors") == bench.folder.read("edited.safetensors"))
  }

  @Test func `an output that cannot be made leaves nothing behind`() throws {
    let names = try bench.names()
    for path in [bench.folder.path("no/such/out.safetensors"), "/proc/errata.safetensors"] {
      #expect(throws: ModelFileError.self) {
        try bench.run("p.errata", "base.safetensors").write(.apply, to: path)
      }
      #expect(throws: ModelFileError.self) { try PatchWriter(path) }
    }
    #expect(try bench.names() == names)
  }

  @Test func `a wrong model gives no output even when nobody asked first`() throws {
    #expect(throws: PatchError.self) {
      try bench.run("p.errata", "edited.safetensors").write(.apply, to: bench.folder.path("out.safetensors"))
    }
    #expect(try !bench.names().contains { $0.contains("out") })
  }

  @Test func `what cannot be edited gives no patch`() throws {
    let model = try bench.write(
      [
        TestTensor("i", .i32, [2, 2], bytes: [UInt8](repeating: 0, count: 16)), TestTensor("l", .f32, [4]),
        TestTensor("m", .f32, [4, 5]), TestTensor("z", .f32, [0, 3]),
      ], to: "m.safetensors")
    func error(
      _ tensor: String, _ outputs: Int, _ inputs: Int, rank: Int = 1,
      _ change: (inout LowRankOptions) -> Void = { _ in }
    )
      -> PatchError?
    {
      #expect(throws: PatchError.self) {
        var options = LowRankOptions()
        change(&options)
        try PatchWriter(bench.folder.path("q.errata")).append(
          TestEdit(tensor: tensor, rank: rank).factors(outputWidth: outputs, inputWidth: inputs),
          to: model.tensor(tensor), of: model, orientation: .outputMajor, options: options)
      }
    }
    #expect(error("i", 2, 2) == .notEditable(tensor: "i", elementType: .i32))
    #expect(error("l", 4, 1) == .notAMatrix(tensor: "l", shape: [4]))
    #expect(error("z", 1, 3) == .notAMatrix(tensor: "z", shape: [0, 3]))
    #expect(error("m", 5, 4) == .factorShape(tensor: "m", expected: [4, 5], found: [5, 4]))
    #expect(error("m", 4, 5, rank: 5).map(caseName) == "factorShape")
    #expect(error("m", 4, 5, rank: 0).map(caseName) == "factorShape")
    #expect(
      error("m", 4, 5) { $0.rounding = .stochastic(seed: 1) }
        == .roundingNotDefined(tensor: "m", elementType: .f32))
    #expect(try !bench.names().contains { $0.contains("q.errata") })
  }

  @Test(arguments: [TensorChange.FactorType.f16, .f32])
  func `an update whose sums could overflow is refused, the largest other comes back`(
    factorType: TensorChange.FactorType
  ) throws {
    let model = try bench.write([TestTensor("m", .f32, [2, 3])], to: "m.safetensors")
    var options = LowRankOptions()
    options.factorType = factorType
    func write(_ largest: Double) throws {
      let factors = LowRankFactors(
        left: Matrix(rows: 2, columns: 2, elements: [0x1p63, 0x1p63, 1, -1]),
        right: Matrix(rows: 2, columns: 3, elements: [largest, 2, 1, -1, -2, -largest]))
      let writer = try PatchWriter(bench.folder.path("q.errata"))
      try writer.append(
        factors, to: model.tensor("m"), of: model, orientation: .outputMajor, options: options)
      try writer.finish(tool: "errata test", family: nil, edit: nil)
    }
    #expect(throws: PatchError.updateTooLarge(tensor: "m", component: 1)) { try write(0x1p63) }
    try write(0x1.8p62)
    try bench.run("q.errata", "m.safetensors").changeInPlace(.apply)
    try bench.run("q.errata", "m.safetensors").changeInPlace(.revert)
  }
}
