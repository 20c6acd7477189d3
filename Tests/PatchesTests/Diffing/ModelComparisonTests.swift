import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// The laws of `diff`: apply(diff(a, b), a) = b and revert(diff(a, b), b) = a, byte for byte.
@Suite struct ModelComparisonTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A pair of single files.
  func pair(_ before: [TestTensor], _ after: [TestTensor]) throws -> ModelPair {
    try bench.write(before, to: "base.safetensors")
    try bench.write(after, to: "edited.safetensors")
    return ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
  }

  /// A few tensors of several types, sizes and places.
  static let tensors = [
    TestTensor("a", .bf16, [40, 30], seed: 1), TestTensor("b", .f32, [17], seed: 2),
    TestTensor("c", .f16, [3, 4, 5], seed: 3), TestTensor("d", .f64, [9, 2], seed: 4),
    TestTensor("e", .u8, [13], bytes: [UInt8](0..<13)), TestTensor("empty", .f32, [0, 5], bytes: []),
    TestTensor("scalar", .f32, [], bytes: [0, 0, 128, 63]),
  ]

  @Test func `every element type of a safetensors file`() throws {
    let before = try ElementType.allCases.filter(\.isInSafetensors).map {
      try TestTensor.random("w.\($0.rawValue)", $0, [6, 8, 4])
    }
    let patch = try pair(before, before.map { $0.changed() }).check(changesLayout: false)
    #expect(patch.changes.count == before.count && patch.changes.allSatisfy { $0.label == "difference" })
  }

  @Test func `every element type of a GGUF file, and other metadata in it`() throws {
    let plain: [ElementType] = [.f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64]
    let before = try (plain + ElementType.allCases.filter { !$0.isInSafetensors }).map {
      try TestTensor.random("w.\($0.rawValue)", $0, [3, $0.blockElementCount])
    }
    for (name, tensors) in [("base.gguf", before), ("edited.gguf", before.map { $0.changed() })] {
      try GGUFWriter.write(tensors.map(\.new), metadata: [], to: bench.folder.path(name))
    }
    let other = [
      GGUFField("general.architecture", .string("llama")), GGUFField("general.alignment", .uint32(64)),
    ]
    try GGUFWriter.write(
      before.map { $0.changed().new }, metadata: other, to: bench.folder.path("other.gguf"))
    try ModelPair(bench: bench, base: "base.gguf", edited: "edited.gguf").check(changesLayout: false)
    try ModelPair(bench: bench, base: "base.gguf", edited: "other.gguf").check(changesLayout: true)
  }

  @Test func `a GGUF file and a safetensors file lead to each other`() throws {
    let tensors = [TestTensor("v", .f32, [7, 5]), TestTensor("w", .f16, [64, 3])]
    try bench.write(tensors, to: "m.safetensors")
    try GGUFWriter.write(
      tensors.reversed().map { $0.changed().new }, metadata: [GGUFField("general.name", .string("x"))],
      to: bench.folder.path("m.gguf"))
    try ModelPair(bench: bench, base: "m.safetensors", edited: "m.gguf").check(changesLayout: true)
    try ModelPair(bench: bench, base: "m.gguf", edited: "m.safetensors").check(changesLayout: true)
  }

  @Test func `identical models make a patch of nothing`() throws {
    let pair = try pair(Self.tensors, Self.tensors)
    #expect(try pair.comparison().isEmpty)
    let patch = try pair.check(changesLayout: false)
    #expect(patch.changes.isEmpty)
    #expect(try pair.state("base.safetensors") == .base)
  }

  @Test func `some tensors changed, empty and scalar ones among them`() throws {
    var after = Self.tensors
    after[0] = after[0].changed()
    after[3] = after[3].changed(oneIn: 1)
    after[6].bytes = [1, 2, 3, 4]
    let patch = try pair(Self.tensors, after).check(changesLayout: false)
    #expect(patch.changes.map(\.name) == ["a", "d", "scalar"])
    // A layout that stays needs no new file.
    try bench.copy("base.safetensors", to: "m.safetensors")
    try bench.run("p.errata", "m.safetensors").changeInPlace(.apply)
    #expect(try bench.folder.read("m.safetensors") == bench.folder.read("edited.safetensors"))
    try bench.run("p.errata", "m.safetensors").changeInPlace(.revert)
    #expect(try bench.folder.read("m.safetensors") == bench.folder.read("base.safetensors"))
  }

  @Test func `tensors of several tiles, changed in some of them`() throws {
    var before = try TestTensor.random("w", .bf16, [1100, 1900])
    let untouched = try TestTensor.random("u", .u8, [3 << 20])
    var after = before
    after.bytes[3_000_001] ^= 1
    for place in stride(from: 0, to: 1 << 20, by: 7) { after.bytes[place] &+= 3 }
    let patch = try pair([before, untouched], [after, untouched]).check(changesLayout: false)
    // The tile that stays has an empty block.
    let blocks = patch.changes[0].tiles!.differences.map { patch.blocks[$0].storedCount }
    #expect(blocks.count == 4 && blocks[1] == 0 && blocks[3] == 0 && blocks[0] > 0 && blocks[2] > 0)
    before.bytes[0] ^= 1
    try bench.write([before, untouched], to: "other.safetensors")
    let run = try bench.run("p.errata", "other.safetensors")
    #expect(try run.summary(of: run.examine()) == .other)
  }

  @Test func `tensors added, removed, reshaped and retyped`() throws {
    var after = Self.tensors
    after[0] = TestTensor("a", .bf16, [30, 40], bytes: after[0].bytes)
    after[1] = TestTensor("b", .f16, [17], seed: 8)
    after[2] = TestTensor("c2", .f16, [3, 4, 5], bytes: after[2].bytes)
    after.remove(at: 4)
    after[4] = TestTensor("empty", .f32, [5, 0], bytes: [])
    after.append(TestTensor("big", .f32, [600, 900], seed: 9))
    let pair = try pair(Self.tensors, after)
    let patch = try pair.check(changesLayout: true)
    let kinds = Dictionary(uniqueKeysWithValues: patch.changes.map { ($0.name, $0.label) })
    #expect(
      kinds == [
        "a": "replaced", "b": "replaced", "big": "added", "c": "removed", "c2": "added", "e": "removed",
        "empty": "replaced",
      ])
    let before = try bench.folder.read("base.safetensors")
    #expect(throws: PatchError.needsNewFile(patch: bench.folder.path("p.errata"))) {
      try bench.run("p.errata", "base.safetensors").changeInPlace(.apply)
    }
    #expect(try bench.folder.read("base.safetensors") == before)
    try pair.back().check(changesLayout: true)
  }

  @Test func `a model without tensors, and one that had none`() throws {
    let pair = try pair([], [Self.tensors[0], Self.tensors[5]])
    try pair.check(changesLayout: true)
    try pair.back().check(changesLayout: true)
  }

  @Test func `only the metadata changed`() throws {
    let path = bench.folder.path("edited.safetensors")
    try bench.write(Self.tensors, to: "base.safetensors")
    try SafetensorsWriter.write(Self.tensors.map(\.new), metadata: [("format", "mlx")], to: path)
    let pair = ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
    let patch = try pair.check(changesLayout: true)
    #expect(patch.changes.isEmpty)
    #expect(try !pair.comparison().isEmpty)
  }

  @Test func `tensors in another order, and one of them changed`() throws {
    let header = "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
    let entry = { (a: Int) in "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[\(a),\(a + 3)]}}" }
    let swapped = "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]},"
    func write(_ text: String, _ data: [UInt8], _ name: String) throws {
      try bench.folder.write(littleEndian(UInt64(text.utf8.count), 8) + Array(text.utf8) + data, to: name)
    }
    try write(header + entry(2), [1, 2, 3, 4, 5], "base.safetensors")
    try write(swapped + entry(0), [3, 4, 9, 1, 2], "edited.safetensors")
    let pair = ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
    #expect(try pair.check(changesLayout: true).changes.map(\.name) == ["a"])
  }

  @Test func `shards to other shards, to one file, and back`() throws {
    let t = Self.tensors
    var other = t
    other[0] = t[0].changed()
    other[5] = TestTensor("new", .f32, [3], seed: 4)
    try bench.write(shards: [[t[0], t[1]], [t[2], t[3], t[4]], [t[5], t[6]]], to: "three")
    try bench.write(
      shards: [[other[6], other[5]], [other[4], other[3], other[2], other[1], other[0]]], to: "two")
    try bench.write(shards: [[t[0].changed(), t[1]], [t[2], t[3], t[4]], [t[5], t[6]]], to: "changed")
    try bench.write(other, to: "one.safetensors")
    try bench.folder.write([1, 2, 3], to: "three/notes.md")
    try bench.folder.write([4, 5], to: "three/old.bin")
    for (base, edited, layout) in [
      ("three", "two", true), ("three", "one.safetensors", true), ("one.safetensors", "two", true),
      ("three", "changed", false),
    ] {
      let pair = ModelPair(bench: bench, base: base, edited: edited)
      try pair.check(changesLayout: layout)
      try pair.back().check(changesLayout: layout)
    }
    // The small files beside the weights come along; weights that the model does not name do not.
    try ModelPair(bench: bench, base: "three", edited: "two").write()
    let skipped = try bench.run("p.errata", "three").write(.apply, to: bench.folder.path("out"))
    #expect(skipped == ["old.bin"])
    #expect(try bench.folder.read("out/notes.md") == [1, 2, 3])
    #expect(
      try Folder.names(in: bench.folder.path("out")) == [
        "model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json", "notes.md",
      ])
  }

  @Test func `a folder with one file and the file itself are the same model`() throws {
    try Folder.create(bench.folder.path("folder"))
    try bench.write(Self.tensors, to: "folder/model.safetensors")
    try bench.write(Self.tensors, to: "one.safetensors")
    #expect(try ModelPair(bench: bench, base: "folder", edited: "one.safetensors").comparison().isEmpty)
  }

  @Test func `files under other names are another model, and are named back`() throws {
    let shards = [[Self.tensors[0]], [Self.tensors[1]]]
    try bench.write(shards: shards, to: "base")
    try Folder.create(bench.folder.path("edited"))
    for (old, new) in [("model-1", "first"), ("model-2", "second")] {
      try bench.copy("base/\(old).safetensors", to: "edited/\(new).safetensors")
    }
    let index = String(decoding: try bench.folder.read("base/model.safetensors.index.json"), as: UTF8.self)
    let renamed = index.replacing("model-1", with: "first").replacing("model-2", with: "second")
    try bench.folder.write(Array(renamed.utf8), to: "edited/model.safetensors.index.json")
    try ModelPair(bench: bench, base: "base", edited: "edited").check(changesLayout: true)
  }

  @Test func `each kind of change is told apart in a model that is neither`() throws {
    var after = Self.tensors
    after[0] = after[0].changed()
    after[1] = TestTensor("b", .f16, [17], seed: 8)
    after.remove(at: 4)
    after.append(TestTensor("new", .f32, [3], seed: 4))
    let pair = try pair(Self.tensors, after)
    try pair.check(changesLayout: true)

    let half = [after[0]] + Self.tensors[1...]
    var wrong = Self.tensors
    wrong[1] = wrong[1].changed()
    var reshaped = Self.tensors
    reshaped[1] = TestTensor("b", .f64, [17], seed: 8)
    for (tensors, state) in [
      (half, ModelState.partial), (wrong, .other), (reshaped, .other),
      (Self.tensors + [after.last!], .partial), (Self.tensors + [after.last!.changed()], .other),
      (Self.tensors.filter { $0.name != "e" }, .partial), (Self.tensors.filter { $0.name != "b" }, .other),
    ] {
      try bench.write(tensors, to: "other.safetensors")
      #expect(try pair.state("other.safetensors") == state)
      let run = try bench.run("p.errata", "other.safetensors")
      #expect(throws: PatchError.self) { try run.requireSource(of: .apply) }
      #expect(throws: PatchError.self) { try run.requireSource(of: .revert) }
    }
    try bench.write(Self.tensors.filter { $0.name != "a" }, to: "other.safetensors")
    #expect(
      throws: PatchError.tensorMissing(tensor: "a", model: bench.folder.path("other.safetensors"))
    ) { try bench.run("p.errata", "other.safetensors") }
  }

  @Test func `a patch of headers or file names alone knows its two sides, and no third`() throws {
    let t = [TestTensor("a", .f32, [3, 4], seed: 1), TestTensor("b", .bf16, [5, 7], seed: 2)]
    func write(_ tensors: [TestTensor], note: String, to name: String) throws {
      try SafetensorsWriter.write(
        tensors.map(\.new), metadata: [("note", note)], to: bench.folder.path(name + ".safetensors"))
    }
    func states(_ base: String, _ edited: String, _ others: [String]) throws -> [ModelState] {
      let pair = ModelPair(bench: bench, base: base, edited: edited)
      #expect(try pair.check(changesLayout: true).changes.isEmpty)
      return try ([base, edited] + others).map { model in
        let run = try bench.run("p.errata", model)
        return try run.state(of: run.examine())
      }
    }
    try write(t, note: "one", to: "base")
    try write(t, note: "two", to: "edited")
    try write(t, note: "six", to: "third")
    try bench.copy("edited.safetensors", to: "renamed.safetensors")
    let files = ["third", "renamed"].map { $0 + ".safetensors" }
    #expect(
      try states("base.safetensors", "edited.safetensors", files) == [.base, .edited, .other, .edited])

    try bench.write(shards: [[t[0]], [t[1]]], to: "two")
    try bench.write(shards: [[t[0], t[1]]], to: "one")
    try bench.copy("two", to: "named")
    let index = try bench.folder.read("two/model.safetensors.index.json")
    try bench.folder.write(
      Array(String(decoding: index, as: UTF8.self).replacing("model-2", with: "second").utf8),
      to: "named/model.safetensors.index.json")
    try bench.copy("two/model-2.safetensors", to: "named/second.safetensors")
    Folder.remove(bench.folder.path("named/model-2.safetensors"))
    #expect(try states("two", "one", ["named", "base.safetensors"]) == [.base, .edited, .other, .other])
    #expect(try states("two", "named", ["one"]) == [.base, .edited, .other])
    #expect(try states("two", "base.safetensors", ["edited.safetensors"]) == [.base, .edited, .other])
    // Where a tensor is touched, tensors decide.
    try bench.write([t[0].changed(), t[1]], to: "changed.safetensors")
    try ModelPair(bench: bench, base: "base.safetensors", edited: "changed.safetensors").write()
    let run = try bench.run("p.errata", "third.safetensors")
    #expect(try run.state(of: run.examine()) == .base)
  }

  @Test func `untouched tensors are those that the new layout names, no fewer and no more`() throws {
    let pair = try pair(Self.tensors, Self.tensors + [TestTensor("new", .f32, [3])])
    try pair.write()
    for (tensors, name) in [
      (Self.tensors.filter { $0.name != "a" }, "tensorMissing"),
      ([TestTensor("a", .f16, [40, 30])] + Self.tensors[1...], "tensorMismatch"),
      (Self.tensors + [TestTensor("extra", .f32, [2])], "wrongBase"),
    ] {
      try bench.write(tensors, to: "other.safetensors")
      let run = try bench.run("p.errata", "other.safetensors")
      let error = #expect(throws: PatchError.self) {
        try run.write(.apply, to: bench.folder.path("out.safetensors"))
      }
      #expect(error.map(caseName) == name)
      #expect(try !bench.names().contains { $0.hasPrefix("out") || $0.hasPrefix(".") })
    }
  }
}

extension ModelPair {
  /// The pair the other way round.
  func back() -> ModelPair { ModelPair(bench: bench, base: edited, edited: base) }
}
