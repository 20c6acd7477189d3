import LinearAlgebra
import ModelFiles
import Synchronization
import TestSupport
import Testing

@testable import Patches

/// One way of storing and rounding, with one element type.
struct EditKind: Sendable, CustomTestStringConvertible {
  let type: ElementType
  let orientation: TensorChange.Orientation
  let isStochastic: Bool
  let factorType: TensorChange.FactorType

  var testDescription: String {
    "\(type.rawValue) \(orientation.rawValue) \(isStochastic ? "stochastic" : "nearest") \(factorType.rawValue)"
  }

  var rounding: TensorChange.Rounding { isStochastic ? .stochastic(seed: 0xFEED_FACE_CAFE_F00D) : .nearest }

  func edit(_ tensor: String, rank: Int, seed: UInt64 = 99) -> TestEdit {
    TestEdit(
      tensor: tensor, rank: rank, orientation: orientation, factorType: factorType, rounding: rounding,
      seed: seed)
  }

  static let all: [EditKind] = ElementType.editable.flatMap { type in
    [TensorChange.Orientation.outputMajor, .inputMajor].flatMap { orientation in
      (type.bitCount == 16 ? [false, true] : [false]).flatMap { isStochastic in
        [TensorChange.FactorType.f16, .f32].map {
          EditKind(type: type, orientation: orientation, isStochastic: isStochastic, factorType: $0)
        }
      }
    }
  }
}

@Suite struct RoundTripTests {
  /// The edited tensor, element by element, from what the patch holds.
  func edited(_ tensor: TestTensor, _ change: TensorChange, _ patch: PatchFile) throws -> [UInt8] {
    let own = try #require(change.lowRank)
    let shape = own.shape
    let stored = try StoredFactors(of: own, change.name, in: patch)
    let scaled = stored.right.enumerated().map { $1 * stored.scales[$0 / shape.inputWidth] }
    let left = (0..<shape.outputWidth).map { i in
      (0..<shape.rank).map { stored.left[$0 * shape.outputWidth + i] }
    }
    let right = (0..<shape.inputWidth).map { j in
      (0..<shape.rank).map { scaled[$0 * shape.inputWidth + j] }
    }
    var bytes: [UInt8] = []
    for a in 0..<shape.rows {
      for b in 0..<shape.columns {
        let (i, j) = shape.orientation == .outputMajor ? (a, b) : (b, a)
        let index = a * shape.columns + b
        let bits = Plain.add(
          change.elementType, tensor.bits(index), Plain.sum(left[i], right[j]), shape.rounding,
          at: UInt64(index))
        bytes += littleEndian(bits, change.form.elementSize)
      }
    }
    return bytes
  }

  /// Everything a patch promises, on one model and one set of edits.
  ///
  /// - Parameter outputThreads: thread counts for new files; what they give is compared with one thread in place.
  func check(
    _ tensors: [TestTensor], _ edits: [TestEdit], outputThreads: [Int] = [1, 4], comparesPlainly: Bool
  ) throws {
    let bench = try Workbench()
    let model = try bench.write(tensors, to: "base.safetensors")
    let base = try bench.folder.read("base.safetensors")
    let patch = try bench.patch(edits, of: model, to: "one.errata", threads: 1)
    try bench.patch(edits, of: model, to: "four.errata", threads: 4)
    #expect(
      try same(bench.folder.read("one.errata"), bench.folder.read("four.errata")), "thread count in the patch"
    )

    for threads in outputThreads {
      let apply = try bench.run("one.errata", "base.safetensors", threads: threads)
      try apply.requireSource(of: .apply)
      try apply.write(.apply, to: bench.folder.path("edited-\(threads).safetensors"))
      let revert = try bench.run("one.errata", "edited-\(threads).safetensors", threads: threads)
      try revert.requireSource(of: .revert)
      try revert.write(.revert, to: bench.folder.path("back-\(threads).safetensors"))
      #expect(try same(bench.folder.read("back-\(threads).safetensors"), base), "revert, \(threads) threads")
    }
    let edited = try bench.folder.read("edited-4.safetensors")
    #expect(try same(bench.folder.read("base.safetensors"), base))

    var rest = base
    for tensor in model.tensors {
      guard let change = patch.changes.first(where: { $0.name == tensor.name }) else { continue }
      let bytes = Array(edited[tensor.byteRange])
      #expect(tensorDigest(bytes) == change.resultDigest)
      #expect(tensorDigest(Array(base[tensor.byteRange])) == change.baseDigest)
      #expect(
        !same(bytes, Array(base[tensor.byteRange])) || bytes.count < 64, "\(tensor.name) was not edited")
      if comparesPlainly, let original = tensors.first(where: { $0.name == tensor.name }) {
        #expect(try bytes == self.edited(original, change, patch), "\(tensor.name) against the page")
      }
      rest.replaceSubrange(tensor.byteRange, with: bytes)
    }
    // Header, metadata and all other tensors are as they were.
    #expect(same(rest, edited))

    try bench.copy("base.safetensors", to: "model.safetensors")
    try bench.run("one.errata", "model.safetensors", threads: 1).changeInPlace(.apply)
    #expect(try same(bench.folder.read("model.safetensors"), edited))
    try bench.run("one.errata", "model.safetensors", threads: 1).changeInPlace(.revert)
    #expect(try same(bench.folder.read("model.safetensors"), base))
    #expect(try bench.names().allSatisfy { !$0.contains("journal") && !$0.hasPrefix(".") })
  }

  func tensorDigest(_ bytes: [UInt8]) -> Digest {
    Digest(
      leaves: (0..<Tiling.count(bytes.count)).map {
        Digest(of: Array(bytes[Tiling.range($0, of: bytes.count)]))
      })
  }

  @Test(arguments: EditKind.all, [1, 3, 40])
  func `apply gives what the page says and revert gives the base`(kind: EditKind, rank: Int) throws {
    let shapes = [[1, 1], [1, 97], [101, 1], [45, 83], [64, 48]]
    let tensors = shapes.enumerated().map { TestTensor("w\($0)", kind.type, $1, seed: UInt64($0)) }
    let others = [
      TestTensor("a.bias", .f32, [7], seed: 50), TestTensor("x", .u8, [13], bytes: [UInt8](0..<13)),
    ]
    let edits = zip(tensors, shapes).map { kind.edit($0.name, rank: min(rank, $1.min()!)) }
    try check(tensors + others, edits, comparesPlainly: true)
  }

  /// More than a tile each, and rows that do not end where tiles do.
  static let large: [(EditKind, [Int], Int)] = [
    (EditKind(type: .f32, orientation: .outputMajor, isStochastic: false, factorType: .f16), [700, 1000], 3),
    (EditKind(type: .f64, orientation: .inputMajor, isStochastic: false, factorType: .f32), [311, 701], 2),
    (EditKind(type: .bf16, orientation: .inputMajor, isStochastic: true, factorType: .f16), [1100, 977], 2),
    (
      EditKind(type: .f16, orientation: .outputMajor, isStochastic: false, factorType: .f16), [2, 530_000], 1
    ),
    (EditKind(type: .f16, orientation: .inputMajor, isStochastic: true, factorType: .f32), [530_001, 1], 1),
  ]

  @Test(arguments: large.indices)
  func `tensors of several tiles come back, rows longer than a tile as well`(number: Int) throws {
    let (kind, shape, rank) = Self.large[number]
    try check(
      [TestTensor("w", kind.type, shape), TestTensor("v", .f16, [3])], [kind.edit("w", rank: rank)],
      outputThreads: [4], comparesPlainly: false)
  }

  @Test(arguments: [1e-30, 1e-9, 1.0, 1e4, 1e30])
  func `updates of every size come back`(scale: Double) throws {
    let tensors = ElementType.editable.map { TestTensor($0.rawValue, $0, [33, 29]) }
    let edits = tensors.sorted { $0.name < $1.name }.map { TestEdit(tensor: $0.name, rank: 2, scale: scale) }
    let bench = try Workbench()
    let model = try bench.write(tensors, to: "base.safetensors")
    // Weights that would become infinite in F16 are refused: no update is meant so.
    let fits = edits.filter { $0.tensor != "F16" || scale <= 1 }
    if fits.count < edits.count {
      #expect { try bench.patch(edits, of: model, to: "p.errata") } throws: { error in
        guard case PatchError.resultNotFinite("F16", _, .f16)? = error as? PatchError else { return false }
        return true
      }
      #expect(try !bench.names().contains("p.errata"))
    }
    try bench.patch(fits, of: model, to: "p.errata")
    try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("edited.safetensors"))
    try bench.run("p.errata", "edited.safetensors").write(.revert, to: bench.folder.path("back.safetensors"))
    #expect(try bench.folder.read("back.safetensors") == bench.folder.read("base.safetensors"))
  }

  @Test func `a patch fits the same model in other files`() throws {
    let bench = try Workbench()
    let tensors = ["a", "b", "c"].map { TestTensor($0, .bf16, [40, 30], seed: UInt64($0.utf8.first!)) }
    let whole = try bench.write(tensors, to: "whole.safetensors")
    try bench.patch(["a", "c"].map { TestEdit(tensor: $0, rank: 2) }, of: whole, to: "p.errata")
    try bench.write(shards: [[tensors[2]], [tensors[1], tensors[0]]], to: "sharded")
    try bench.folder.write([1, 2, 3], to: "sharded/tokenizer.json")
    try bench.folder.write([4], to: "sharded/old.bin")
    try bench.run("p.errata", "whole.safetensors").write(.apply, to: bench.folder.path("edited.safetensors"))

    let skipped = try bench.run("p.errata", "sharded").write(.apply, to: bench.folder.path("edited"))
    #expect(skipped == ["old.bin"])
    #expect(try bench.folder.read("edited/tokenizer.json") == [1, 2, 3])
    for name in ["a", "b", "c"] {
      #expect(
        try bench.bytes(of: name, in: "edited") == bench.bytes(of: name, in: "edited.safetensors"),
        "tensor \(name)")
    }
    try bench.run("p.errata", "edited").write(.revert, to: bench.folder.path("back"))
    try bench.run("p.errata", "sharded").changeInPlace(.apply)
    for file in ["model-1.safetensors", "model-2.safetensors"] {
      #expect(try bench.folder.read("back/" + file) != bench.folder.read("sharded/" + file))
      #expect(try bench.folder.read("edited/" + file) == bench.folder.read("sharded/" + file))
    }
    try bench.run("p.errata", "sharded").changeInPlace(.revert)
    for file in ["model-1.safetensors", "model-2.safetensors"] {
      #expect(try bench.folder.read("back/" + file) == bench.folder.read("sharded/" + file))
    }
  }

  @Test func `an update of zeros changes nothing and is base and edited at once`() throws {
    let bench = try Workbench()
    let model = try bench.write(
      [TestTensor("w", .f32, [5, 6]), TestTensor("z", .f32, [5, 6])], to: "m.safetensors")
    try bench.patch([TestEdit(tensor: "w"), TestEdit(tensor: "z", scale: 0)], of: model, to: "p.errata")
    try bench.run("p.errata", "m.safetensors").write(.apply, to: bench.folder.path("e.safetensors"))
    // −0 + 0 is +0: the update of zeros may still change those.
    for (name, state) in [("m.safetensors", ModelState.base), ("e.safetensors", .edited)] {
      let run = try bench.run("p.errata", name)
      #expect(try run.summary(of: run.examine()) == state)
    }
  }

  @Test func `the observer sees every element before and after`() throws {
    let bench = try Workbench()
    let model = try bench.write([TestTensor("w", .f64, [300, 500])], to: "m.safetensors")
    let tensor = try model.tensor("w")
    let seen = Mutex((all: 0, changed: 0))
    let writer = try PatchWriter(bench.folder.path("p.errata"))
    var options = LowRankOptions()
    options.threads = 4
    try writer.append(
      TestEdit(tensor: "w").factors(outputWidth: 300, inputWidth: 500), to: tensor, of: model,
      orientation: .outputMajor, options: options,
      observe: { tile in
        let changed = zip(tile.base, tile.edited).count { $0.bitPattern != $1.bitPattern }
        seen.withLock { $0 = ($0.all + tile.elements.count, $0.changed + changed) }
      },
      measured: { ["elements": .integer(seen.withLock { $0.all })] })
    let patch = try writer.finish(tool: "errata test", family: "gpt2", edit: ["method": "memit"])
    #expect(seen.withLock { $0.all == 150_000 && $0.changed > 130_000 })
    #expect(patch.changes[0].measured?["elements"]?.integer == 150_000)
    #expect(patch.manifest["edit"]?["method"]?.text == "memit")
    #expect(patch.manifest["model"]?["family"]?.text == "gpt2")
  }
}
