import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// The result of a patch in memory is the result on disk, and the model is only read.
@Suite struct MemoryTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  @Test(arguments: EditKind.all) func `an update in memory is the one that the patch makes`(kind: EditKind)
    throws
  {
    let isOutputMajor = kind.orientation == .outputMajor
    let model = try bench.write([TestTensor("w", kind.type, [37, 1031])], to: "base")
    let edit = kind.edit("w", rank: 3)
    try bench.patch([edit], of: model, to: "p.errata")
    try bench.run("p.errata", "base").write(.apply, to: bench.folder.path("edited"))
    let wanted = try bench.bytes(of: "w", in: "edited")

    let tensor = try model.tensor("w")
    var options = LowRankOptions()
    options.factorType = kind.factorType
    options.rounding = kind.rounding
    for threads in [1, 3] {
      options.threads = threads
      let factors = edit.factors(
        outputWidth: isOutputMajor ? 37 : 1031, inputWidth: isOutputMajor ? 1031 : 37)
      let bytes = try factors.added(
        to: tensor, bytes: bench.bytes(of: "w", in: "base"), orientation: kind.orientation, options: options)
      #expect(same(bytes, wanted))
    }
  }

  @Test(arguments: [1, 4]) func `tensors of a patch are those of the files it writes`(threads: Int) throws {
    // More than a tile of one megabyte, in several files.
    let tensors = [
      TestTensor("a", .bf16, [600, 1000]), TestTensor("b", .f32, [5, 7]), TestTensor("c", .f16, [10, 20]),
    ]
    let model = try bench.write(shards: [Array(tensors[..<2]), Array(tensors[2...])], to: "base")
    let edits = [TestEdit(tensor: "a", rank: 2), TestEdit(tensor: "c", orientation: .inputMajor)]
    try bench.patch(edits, of: model, to: "p.errata")
    let before = try ["a", "b", "c"].map { try bench.bytes(of: $0, in: "base") }
    let run = try bench.run("p.errata", "base", threads: threads)
    let found = try run.tensors(.apply)
    try run.write(.apply, to: bench.folder.path("edited"))
    #expect(found.keys.sorted() == ["a", "c"])
    for (name, bytes) in found { #expect(try same(bytes, bench.bytes(of: name, in: "edited"))) }
    for (name, bytes) in zip(["a", "b", "c"], before) {
      #expect(try same(bytes, bench.bytes(of: name, in: "base")))
    }
    let back = try bench.run("p.errata", "edited", threads: threads).tensors(.revert)
    for (name, bytes) in back { #expect(try same(bytes, bench.bytes(of: name, in: "base"))) }
    #expect(back.keys.sorted() == ["a", "c"])
  }

  @Test func `another model is refused, and so is the wrong direction`() throws {
    let model = try bench.write([TestTensor("w", .f32, [9, 11])], to: "base")
    try bench.write([TestTensor("w", .f32, [9, 11], seed: 2)], to: "other")
    try bench.patch([TestEdit(tensor: "w")], of: model, to: "p.errata")
    #expect(throws: PatchError.self) { try bench.run("p.errata", "other").tensors(.apply) }
    #expect(throws: PatchError.self) { try bench.run("p.errata", "base").tensors(.revert) }
  }

  @Test func `factors that do not fit their type are refused`() throws {
    let model = try bench.write([TestTensor("w", .f32, [2, 2])], to: "base")
    let factors = LowRankFactors(
      left: Matrix(rows: 2, columns: 1, elements: [1, .infinity]),
      right: Matrix(rows: 1, columns: 2, elements: [1, 1]))
    #expect(throws: PatchError.self) {
      try factors.added(
        to: model.tensor("w"), bytes: bench.bytes(of: "w", in: "base"), orientation: .outputMajor,
        options: LowRankOptions())
    }
  }
}
