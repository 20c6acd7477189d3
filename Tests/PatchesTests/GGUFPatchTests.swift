import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// What holds for safetensors holds for GGUF: the container must make no difference to a patch.
@Suite struct GGUFPatchTests {
  static let fields = [
    GGUFField("general.architecture", .string("llama")), GGUFField("general.alignment", .uint32(64)),
  ]

  let bench: Workbench

  init() throws { bench = try Workbench() }

  private func write(_ tensors: [TestTensor], _ fields: [GGUFField], to name: String) throws {
    try GGUFWriter.write(tensors.map(\.new), metadata: fields, to: bench.folder.path(name))
  }

  @Test(arguments: [ElementType.f16, .bf16, .f32, .f64])
  func `a patch applies and reverts, to a new file and in place`(type: ElementType) throws {
    let quantized = TestTensor("q", .q8_0, [2, 32], bytes: (0..<68).map { UInt8($0) })
    try write(
      [quantized, TestTensor("w", type, [13, 70]), TestTensor("z", .f32, [3])], Self.fields, to: "base.gguf")
    let base = try bench.folder.read("base.gguf")
    try bench.patch(
      [TestEdit(tensor: "w", rank: 2)], of: ModelFile(bench.folder.path("base.gguf")), to: "p.errata")

    try bench.run("p.errata", "base.gguf").write(.apply, to: bench.folder.path("edited.gguf"))
    let edited = try bench.folder.read("edited.gguf")
    #expect(edited.count == base.count && !same(edited, base))
    #expect(try bench.run("p.errata", "edited.gguf").examine().map(\.state) == [.edited])
    for name in ["q", "z"] {
      #expect(try same(bench.bytes(of: name, in: "edited.gguf"), bench.bytes(of: name, in: "base.gguf")))
    }
    try bench.run("p.errata", "edited.gguf").write(.revert, to: bench.folder.path("back.gguf"))
    #expect(try same(bench.folder.read("back.gguf"), base))

    try bench.run("p.errata", "base.gguf").changeInPlace(.apply)
    #expect(try same(bench.folder.read("base.gguf"), edited))
    try bench.run("p.errata", "base.gguf").changeInPlace(.revert)
    #expect(try same(bench.folder.read("base.gguf"), base))
  }

  @Test func `the same patch fits the same tensors in the other container`() throws {
    let tensors = [TestTensor("w", .bf16, [16, 24])]
    try write(tensors, Self.fields, to: "base.gguf")
    let model = try bench.write(tensors, to: "base.safetensors")
    try bench.patch([TestEdit(tensor: "w")], of: model, to: "p.errata")
    try bench.run("p.errata", "base.gguf").changeInPlace(.apply)
    try bench.run("p.errata", "base.safetensors").changeInPlace(.apply)
    #expect(try same(bench.bytes(of: "w", in: "base.gguf"), bench.bytes(of: "w", in: "base.safetensors")))
  }

  @Test func `all parts of a split model come along`() throws {
    let names = (1...3).map { "m-0000\($0)-of-00003.gguf" }
    try Folder.create(bench.folder.path("base"))
    for (number, name) in names.enumerated() {
      let split = [
        GGUFField("split.no", .uint16(UInt16(number))), GGUFField("split.count", .uint16(3)),
        GGUFField("split.tensors.count", .int32(2)),
      ]
      let tensors = number == 0 ? [] : [TestTensor("w\(number)", .f16, [9, 40], seed: UInt64(number))]
      try write(tensors, Self.fields + split, to: "base/" + name)
    }
    let first = "base/" + names[0]
    try bench.patch(
      [TestEdit(tensor: "w1"), TestEdit(tensor: "w2")], of: ModelFile(bench.folder.path(first)),
      to: "p.errata")
    try bench.run("p.errata", first).write(.apply, to: bench.folder.path("edited"))
    #expect(try Folder.names(in: bench.folder.path("edited")) == names)
    #expect(try bench.run("p.errata", "edited").examine().map(\.state) == [.edited, .edited])
    try bench.run("p.errata", "edited/" + names[0]).changeInPlace(.revert)
    for name in names {
      #expect(try same(bench.folder.read("edited/" + name), bench.folder.read("base/" + name)))
    }
  }

  @Test func `a low-rank change of blocks is refused`() throws {
    try write(
      [TestTensor("w", .q8_0, [2, 32], bytes: [UInt8](repeating: 1, count: 68))], Self.fields, to: "base.gguf"
    )
    let model = try ModelFile(bench.folder.path("base.gguf"))
    #expect(throws: PatchError.notEditable(tensor: "w", elementType: .q8_0)) {
      try bench.patch([TestEdit(tensor: "w")], of: model, to: "p.errata")
    }
  }
}
