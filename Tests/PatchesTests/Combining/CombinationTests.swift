import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Three states of a model, A → B → C, and what leads from one to the next.
@Suite struct CombinationTests {
  private let bench: Workbench
  private let a: ModelFile
  private let tensors = [
    TestTensor("v", .bf16, [60, 90], seed: 3), TestTensor("w", .f16, [700, 800], seed: 4),
    TestTensor("x", .f32, [40, 30], seed: 5),
  ]

  init() throws {
    bench = try Workbench()
    a = try bench.write(tensors, to: "a.safetensors")
  }

  private func patch(_ name: String) throws -> PatchFile { try PatchFile(bench.folder.path(name)) }

  private func combine(
    _ names: [String], base: ModelFile?, to output: String = "all.errata"
  ) throws -> PatchCombination.Relation {
    try PatchCombination(names.map { try patch($0) }, base: base, threads: 2)
      .write(to: bench.folder.path(output), tool: "errata test").relation
  }

  private func run(_ patchName: String, _ direction: PatchRun.Direction, _ model: String, to output: String)
    throws
  {
    try PatchRun(patch(patchName), ModelFile(bench.folder.path(model)), threads: 2)
      .write(direction, to: bench.folder.path(output))
  }

  /// The combined patch leads from A to the last state and back, byte for byte.
  private func expectWays(to last: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try run("all.errata", .apply, "a.safetensors", to: "applied.safetensors")
    #expect(
      same(try bench.folder.read("applied.safetensors"), try bench.folder.read(last)),
      sourceLocation: sourceLocation)
    try run("all.errata", .revert, last, to: "reverted.safetensors")
    #expect(
      same(try bench.folder.read("reverted.safetensors"), try bench.folder.read("a.safetensors")),
      sourceLocation: sourceLocation)
  }

  @Test func `a stack leads from the first base to the last result and back`() throws {
    try bench.patch([TestEdit(tensor: "v", rank: 2), TestEdit(tensor: "w", rank: 3)], of: a, to: "ab.errata")
    try run("ab.errata", .apply, "a.safetensors", to: "b.safetensors")
    let b = try ModelFile(bench.folder.path("b.safetensors"))
    try bench.patch(
      [TestEdit(tensor: "w", rank: 2, orientation: .inputMajor, seed: 7), TestEdit(tensor: "x", seed: 8)],
      of: b,
      to: "bc.errata")
    try run("bc.errata", .apply, "b.safetensors", to: "c.safetensors")
    #expect(try combine(["ab.errata", "bc.errata"], base: a) == .stack)
    try expectWays(to: "c.safetensors")
    let changes = try patch("all.errata").changes
    #expect(changes.map(\.name) == ["v", "w", "x"])
    // The tensor of both keeps the sum of the two ranks instead of being searched for.
    #expect(changes[1].label == "low-rank" && changes[1].lowRank?.shape.rank == 5)
  }

  @Test func `a stack of differences combines, tensors that come and go included`() throws {
    var second = tensors
    second[1].bytes[100] ^= 1
    second.append(TestTensor("y", .u8, [5], bytes: [1, 2, 3, 4, 5]))
    let b = try bench.write(second, to: "b.safetensors")
    var third = second
    third[1].bytes[5000] ^= 3
    third.remove(at: 0)
    third[2] = TestTensor("y", .u8, [5], bytes: [1, 2, 9, 4, 5])
    let c = try bench.write(third, to: "c.safetensors")
    try ModelComparison(a, b, threads: 2).write(to: bench.folder.path("ab.errata"), tool: "t", threads: 2)
    try ModelComparison(b, c, threads: 2).write(to: bench.folder.path("bc.errata"), tool: "t", threads: 2)
    #expect(try combine(["ab.errata", "bc.errata"], base: a) == .stack)
    try expectWays(to: "c.safetensors")
  }

  @Test func `patches of different tensors need no model and keep their blocks`() throws {
    try bench.patch([TestEdit(tensor: "v", rank: 2)], of: a, to: "v.errata")
    try bench.patch([TestEdit(tensor: "x", rank: 1)], of: a, to: "x.errata")
    #expect(try combine(["x.errata", "v.errata"], base: nil) == .separate)
    try run("v.errata", .apply, "a.safetensors", to: "b.safetensors")
    try run("x.errata", .apply, "b.safetensors", to: "c.safetensors")
    try expectWays(to: "c.safetensors")
  }

  @Test func `siblings of one base are added`() throws {
    try bench.patch([TestEdit(tensor: "v", rank: 2)], of: a, to: "one.errata")
    try bench.patch([TestEdit(tensor: "v", rank: 1, seed: 5)], of: a, to: "two.errata")
    let combination = PatchCombination(
      [try patch("one.errata"), try patch("two.errata")], base: a, threads: 1)
    let outcome = try combination.write(to: bench.folder.path("all.errata"), tool: "errata test")
    let (sum, interactions) = (outcome.patch, outcome.interactions)
    #expect(outcome.relation == .siblings)
    #expect(sum.changes[0].lowRank?.shape.rank == 3)
    #expect(interactions.count == 1 && (-1...1).contains(interactions[0].updateCosine ?? 9))
    #expect((0...1.000001).contains(interactions[0].keyCosine ?? 9))
    try run("all.errata", .apply, "a.safetensors", to: "c.safetensors")
    try expectWays(to: "c.safetensors")
  }

  @Test func `an update and itself have cosine one, and its opposite order of patches is refused`() throws {
    try bench.patch([TestEdit(tensor: "v", rank: 2)], of: a, to: "one.errata")
    let twice = PatchCombination([try patch("one.errata"), try patch("one.errata")], base: a, threads: 1)
    let interaction = try twice.write(to: bench.folder.path("all.errata"), tool: "t").interactions[0]
    #expect(abs((interaction.updateCosine ?? 0) - 1) < 1e-6 && abs((interaction.keyCosine ?? 0) - 1) < 1e-6)

    try run("one.errata", .apply, "a.safetensors", to: "b.safetensors")
    try bench.patch(
      [TestEdit(tensor: "v", seed: 6)], of: ModelFile(bench.folder.path("b.safetensors")), to: "two.errata")
    let error = PatchError.unrelated(
      tensor: "v", first: bench.folder.path("two.errata"), second: bench.folder.path("one.errata"))
    #expect(throws: error) { try combine(["two.errata", "one.errata"], base: a, to: "no.errata") }
    #expect(throws: PatchError.needsModel(tensor: "v")) {
      try combine(["one.errata", "two.errata"], base: nil, to: "no.errata")
    }
    #expect(!Folder.occupied(bench.folder.path("no.errata")))
  }

  @Test func `a stack of experts and one of its parts do not go into one patch, in either order`() throws {
    let model = try ModelFile(PackageFiles.path("Fixtures/models/families/mixtral.gguf"))
    let name = "blk.1.ffn_down_exps.weight"
    for part in ["[0]", "[2]"] {
      let partly = try bench.patch([TestEdit(tensor: name + part)], of: model, to: "partly\(part).errata")
      let stack = try model.tensor(name)
      var bytes = try model.file(of: stack).read(stack.byteCount, at: stack.byteRange.lowerBound)
      bytes[0] ^= 1
      let writer = try PatchWriter(bench.folder.path("whole\(part).errata"))
      try writer.append(edited: bytes, of: stack, of: model, threads: 1) { _ in [:] }
      let whole = try writer.finish(tool: "errata test", family: nil, edit: nil)
      for patches in [[partly, whole], [whole, partly]] {
        #expect(throws: PatchError.partOfWhole(part: name + part, whole: whole.path, partly: partly.path)) {
          try PatchCombination(patches, base: model, threads: 1).relation()
        }
      }
    }
    // Two parts are two tensors.
    let two = try ["[0]", "[2]"].map { try patch("partly\($0).errata") }
    #expect(try PatchCombination(two, base: model, threads: 1).relation() == .separate)
  }

  @Test func `all pairs of three siblings are compared, and roundings that differ are told`() throws {
    let seeds: [UInt64] = [11, 12, 13]
    for (place, seed) in seeds.enumerated() {
      try bench.patch(
        [
          TestEdit(
            tensor: "v", orientation: place == 1 ? .inputMajor : .outputMajor,
            rounding: place == 2 ? .stochastic(seed: 7) : .nearest, seed: seed)
        ], of: a, to: "\(place).errata")
    }
    let paths = (0..<3).map { bench.folder.path("\($0).errata") }
    let outcome = try PatchCombination(paths.map { try PatchFile($0) }, base: a, threads: 1)
      .write(to: bench.folder.path("all.errata"), tool: "t")
    #expect(
      outcome.interactions.map(\.patches) == [
        [paths[0], paths[1]], [paths[0], paths[2]], [paths[1], paths[2]],
      ])
    #expect(outcome.roundings == [.init(tensor: "v", used: .nearest, others: [paths[2]])])
    // The sum is that of the three updates, whichever way round each is kept.
    let updates = try paths.map { try update($0) }
    let sum = updates.dropFirst().reduce(updates[0]) { zip($0, $1).map(+) }
    let found = try update(outcome.patch.path)
    for (x, y) in zip(sum, found) { #expect(abs(x - y) < 1e-4) }
    try run("all.errata", .apply, "a.safetensors", to: "c.safetensors")
    try expectWays(to: "c.safetensors")
  }

  /// The update of `v` in storage order.
  private func update(_ path: String) throws -> [Double] {
    let patch = try PatchFile(path)
    let own = try #require(patch.changes[0].lowRank)
    let product = try StoredFactors(of: own, "v", in: patch).update(of: own.shape).product()
    return own.shape.orientation == .outputMajor ? product.elements : product.transposed().elements
  }

  @Test func `a zero update has no cosine`() throws {
    try bench.patch([TestEdit(tensor: "v")], of: a, to: "one.errata")
    try bench.patch([TestEdit(tensor: "v", scale: 0)], of: a, to: "zero.errata")
    let found = try PatchCombination([patch("one.errata"), patch("zero.errata")], base: a, threads: 1)
      .write(to: bench.folder.path("all.errata"), tool: "t").interactions
    #expect(found.count == 1 && found[0].updateCosine == nil && found[0].keyCosine == nil)
  }
}
