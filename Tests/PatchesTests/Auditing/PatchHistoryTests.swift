import Floor
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// States of tensors x and y, and patches between them: a, b, c one on top of the other over both; d beside, over y alone.
@Suite struct PatchHistoryTests {
  let bench: Workbench
  /// Numbers of x and y in each state.
  static let states: [String: (UInt8, UInt8)] = [
    "0": (1, 1), "a": (2, 2), "b": (3, 2), "c": (4, 3), "other": (9, 9),
  ]

  init() throws {
    bench = try Workbench()
    for (name, values) in Self.states { try write(name, values) }
    for (patch, from, to) in [("a", "0", "a"), ("b", "a", "b"), ("c", "b", "c"), ("back", "b", "0")] {
      try difference(from, to, patch)
    }
  }

  private func write(_ name: String, _ values: (UInt8, UInt8)) throws {
    try bench.write(
      [
        TestTensor("x", .i8, [3], bytes: [values.0, 7, 7]), TestTensor("y", .i8, [2], bytes: [values.1, 8]),
      ], to: name + ".safetensors")
  }

  private func model(_ name: String) throws -> ModelFile {
    try ModelFile(bench.folder.path(name + ".safetensors"))
  }

  private func difference(_ from: String, _ to: String, _ name: String) throws {
    try ModelComparison(model(from), model(to), threads: 1).write(
      to: bench.folder.path(name + ".errata"), tool: "test", threads: 1, effort: 0)
  }

  private func standings(_ patches: [String], _ state: String) throws -> [PatchHistory.Standing] {
    let opened = try patches.map { try PatchFile(bench.folder.path($0 + ".errata")) }
    return try PatchHistory(opened, model(state), threads: 1).standings
  }

  @Test func `patches under others are found, in any order of the list`() throws {
    #expect(try standings(["a", "b", "c"], "c") == [.applied(1), .applied(2), .applied(3)])
    #expect(try standings(["c", "a", "b"], "c") == [.applied(3), .applied(1), .applied(2)])
  }

  @Test func `what comes next, and what after that`() throws {
    #expect(try standings(["a", "b", "c"], "0") == [.next, .later(after: [0]), .later(after: [0, 1])])
    #expect(try standings(["a", "b", "c"], "a") == [.applied(1), .next, .later(after: [1])])
    #expect(try standings(["a"], "other") == [.other])
  }

  @Test func `one that lies under a patch that is not given cannot be told`() throws {
    #expect(try standings(["a", "c"], "c") == [.other, .applied(1)])
  }

  @Test func `half a patch is named`() throws {
    try write("half", (2, 1))
    #expect(try standings(["a", "c"], "half") == [.partial, .other])
  }

  @Test func `copies are the same patch`() throws {
    try bench.folder.write(bench.folder.read("a.errata"), to: "copy.errata")
    #expect(try standings(["a", "copy"], "a") == [.applied(1), .applied(1)])
  }

  @Test func `a circle of patches ends`() throws {
    let found = try standings(["a", "b", "back"], "0")
    #expect(Set(found.map { "\($0)" }).count == 3)
    #expect(found[2] == .applied(3))
  }

  @Test func `a record is held against the model`() throws {
    let (from, to) = (bench.folder.path("0.safetensors"), bench.folder.path("out.safetensors"))
    let patch = try PatchFile(bench.folder.path("a.errata"))
    let run = try PatchRun(patch, ModelFile(from), threads: 1)
    try run.write(.apply, to: to)
    let path = try PatchRecord.add(
      run, .apply, to: ModelFile(to), earlier: ModelFile(from), time: 0, tool: "test")
    #expect(path == bench.folder.path("out.safetensors.errata-record.jsonl"))
    let record = try #require(try PatchRecord(of: ModelFile(to)))
    #expect(record.entries[0].patch == patch.digest.hexadecimal)
    #expect(try record.standing(in: ModelFile(to), threads: 1)[0] == (tensors: 2, asRecorded: 2))
    try write("out", (2, 3))
    #expect(try record.standing(in: ModelFile(to), threads: 1)[0] == (tensors: 2, asRecorded: 1))
  }
}
