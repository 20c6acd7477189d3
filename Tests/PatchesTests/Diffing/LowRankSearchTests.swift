import Glibc
import LinearAlgebra
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Low-rank updates, found again in two files.
@Suite struct LowRankSearchTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// Numbers rounded to a type.
  static func bytes(_ values: [Float], _ type: ElementType) -> [UInt8] {
    switch type {
    case .f32: values.withUnsafeBytes { Array($0) }
    case .f16: values.map { Float16($0) }.withUnsafeBytes { Array($0) }
    default: values.map { Plain.bf16($0) }.withUnsafeBytes { Array($0) }
    }
  }

  /// Normal weights, and the same with what `update` adds to an element rounded to the type.
  func write(
    _ type: ElementType, _ rows: Int, _ columns: Int, seed: UInt64, update: (inout SplitMix64) -> [Float]
  ) throws -> ModelPair {
    var generator = SplitMix64(state: seed)
    let drawn = (0..<rows * columns).map { _ in Float(generator.normal() * 0.02) }
    let before = TestTensor("w", type, [rows, columns], bytes: Self.bytes(drawn, type))
    var after = before
    after.bytes = Self.bytes(zip(type.decoded(before.bytes), update(&generator)).map { $0 + $1 }, type)
    try bench.write([before], to: "base.safetensors")
    try bench.write([after], to: "edited.safetensors")
    return ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
  }

  /// A product of normal factors, as large as 3 % of the weights.
  static func product(_ rank: Int, _ rows: Int, _ columns: Int, _ generator: inout SplitMix64) -> [Float] {
    let left = Matrix(
      rows: rows, columns: rank, elements: generator.normals(rows * rank).map { Float($0 * 6e-4) })
    let right = Matrix(
      rows: rank, columns: columns, elements: generator.normals(rank * columns).map(Float.init))
    return left.times(right).elements
  }

  /// The length of the patch that does without factors.
  func plainSize(_ pair: ModelPair) throws -> Int {
    let writer = try PatchWriter(bench.folder.path("plain.errata"))
    try writer.appendDifference(try TensorPair("w", pair.comparison()), threads: 4, progress: { _ in })
    return try writer.finish(tool: "errata test", family: nil, edit: nil).byteCount
  }

  @Test(arguments: [
    (ElementType.bf16, 256, 384, 1), (.bf16, 384, 256, 5), (.f16, 256, 384, 1), (.f16, 256, 384, 5),
    (.f32, 256, 384, 1), (.f32, 384, 256, 5), (.bf16, 600, 900, 5),
  ])
  func `a low-rank update is found, and the patch is shorter for it`(
    type: ElementType, rows: Int, columns: Int, rank: Int
  ) throws {
    let pair = try write(type, rows, columns, seed: UInt64(rank)) { Self.product(rank, rows, columns, &$0) }
    let patch = try pair.check(changesLayout: false)
    #expect(patch.changes.map(\.label) == ["low-rank"])
    #expect(patch.changes[0].lowRank?.shape.rank == rank)
    let plain = try plainSize(pair)
    #expect(patch.byteCount < plain)
    guard rows < 600 else { return }
    let refined = try pair.write("refined.errata", effort: 2)
    #expect(refined.changes[0].label == "low-rank" && refined.byteCount < plain)
    try bench.run("refined.errata", pair.base).write(.apply, to: bench.folder.path("out.safetensors"))
    #expect(try bench.folder.read("out.safetensors") == bench.folder.read(pair.edited))
  }

  @Test(arguments: [ElementType.bf16, .f16, .f32])
  func `noise is no low-rank update`(type: ElementType) throws {
    let pair = try write(type, 256, 384, seed: 8) { $0.normals(256 * 384).map { Float($0 * 6e-4) } }
    #expect(try pair.check(changesLayout: false).changes.map(\.label) == ["difference"])
  }

  @Test func `an update beside noise, in one row, or of a narrow matrix is still led back`() throws {
    let beside = try write(.bf16, 256, 384, seed: 9) { generator in
      zip(Self.product(1, 256, 384, &generator), generator.normals(256 * 384)).map { $0 + Float($1 * 3e-4) }
    }
    #expect(try beside.check(changesLayout: false).changes.map(\.label) == ["difference"])
    let row = try write(.f16, 256, 384, seed: 10) { generator in
      let drawn = generator.normals(384)
      return (0..<256 * 384).map { $0 / 384 == 77 ? Float(drawn[$0 % 384] * 1e-2) : 0 }
    }
    try row.check(changesLayout: false)
    let narrow = try write(.bf16, 20, 900, seed: 11) { Self.product(1, 20, 900, &$0) }
    #expect(try narrow.check(changesLayout: false).changes.map(\.label) == ["difference"])
  }

  @Test func `numbers that are none do not disturb the search`() throws {
    let pair = try write(.bf16, 256, 384, seed: 12) { Self.product(2, 256, 384, &$0) }
    for name in [pair.base, pair.edited] {
      let model = try ModelFile(bench.folder.path(name))
      let start = try model.tensor("w").byteRange.lowerBound
      let file = try OpenFile(bench.folder.path(name), .updating)
      for (place, bits) in [(7, 0x7F80), (900, 0xFF80), (20_000, 0x7FC1), (50_000, 0xFFFF), (60_000, 0x8000)]
      {
        try file.write(littleEndian(UInt64(bits), 2), at: start + 2 * place)
      }
      // One that differs in a NaN's payload.
      try file.write(littleEndian(name == pair.base ? 0x7FC5 : 0xFFC9, 2), at: start + 2 * 30_000)
    }
    let patch = try pair.check(changesLayout: false)
    // A number that stays where the update would move it may count as a component of its own.
    #expect(
      patch.changes.map(\.label) == ["low-rank"] && (2...8).contains(patch.changes[0].lowRank!.shape.rank))
  }

  @Test func `components that rounding nearly hides are found`() throws {
    // Singular values fall tenfold over 40 components: the last ones hold a twentieth of the energy of rounding.
    let pair = try write(.bf16, 512, 768, seed: 13) { generator in
      let (left, right) = (generator.normals(512 * 40), generator.normals(40 * 768))
      return (0..<512 * 768).map { index in
        let (row, column) = (index / 768, index % 768)
        let sum = (0..<40).reduce(0.0) {
          $0 + left[row * 40 + $1] * right[$1 * 768 + column] * pow(10, -Double($1) / 39)
        }
        return Float(sum * 1e-4)
      }
    }
    #expect(try pair.check(changesLayout: false).changes[0].lowRank?.shape.rank == 40)
  }

  @Test(arguments: [ElementType.f32, .bf16, .f64])
  func `weights of every size are compared, the largest too`(type: ElementType) throws {
    let before = try TestTensor.random("w", type, [64, 40])
    try bench.write([before], to: "base.safetensors")
    try bench.write([before.changed()], to: "edited.safetensors")
    try ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors").check(
      changesLayout: false)
  }

  @Test(arguments: ElementType.editable)
  func `the largest numbers with another sign are compared, though LAPACK's sums overflow`(type: ElementType)
    throws
  {
    let before = TestTensor("w", type, [64, 48], seed: 2)
    var after = before
    let size = type.bitCount / 8
    for index in 0..<64 * 48 {
      let scaled = Plain.scale(type, before.bits(index), type == .f64 ? 0.9 : Double(Float(0.9)))
      after.bytes.replaceSubrange(index * size..<(index + 1) * size, with: littleEndian(scaled, size))
    }
    for place in stride(from: size - 1, to: after.bytes.count, by: 2 * size) { after.bytes[place] ^= 0x80 }
    try bench.write([before], to: "base.safetensors")
    try bench.write([after], to: "edited.safetensors")
    try ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors").check(
      changesLayout: false)
  }

  @Test func `sealed faults in differences and choices give the promised tensor or none`() throws {
    let pair = try write(.bf16, 64, 48, seed: 13) { Self.product(1, 64, 48, &$0) }
    let patch = try pair.write()
    try #require(patch.changes[0].label == "low-rank")
    let parts = PatchParts(try bench.folder.read("p.errata"))
    let goals = try [pair.edited, pair.base].map { try bench.folder.read($0) }
    var generator = SplitMix64(state: 14)
    for round in 0..<300 {
      var faulty = parts
      let block = faulty.blocks.indices.filter { !parts.blocks[$0].stored.isEmpty }.randomElement(
        using: &generator)!
      let position = Int.random(in: faulty.blocks[block].stored.indices, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: faulty.blocks[block].stored[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: faulty.blocks[block].stored.removeLast()
      default: faulty.blocks[block].stored.append(0)
      }
      try bench.folder.write(faulty.sealed, to: "f.errata")
      for (direction, model, goal) in [
        (PatchRun.Direction.apply, pair.base, goals[0]), (.revert, pair.edited, goals[1]),
      ] {
        Folder.remove(bench.folder.path("out.safetensors"))
        do {
          try bench.run("f.errata", model).write(direction, to: bench.folder.path("out.safetensors"))
          #expect(try bench.folder.read("out.safetensors") == goal, "round \(round)")
        } catch {
          #expect(error is PatchError, "round \(round): \(error)")
        }
      }
    }
  }
}
