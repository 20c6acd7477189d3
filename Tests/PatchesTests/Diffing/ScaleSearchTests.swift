import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Tensors multiplied by one number, found again in two files.
@Suite struct ScaleSearchTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// The number as the type's arithmetic has it.
  static func exact(_ gain: Double, _ type: ElementType) -> Double {
    type == .f64 ? gain : Double(Float(gain))
  }

  /// Writes a tensor and the same times a gain; `disturb` may change the edited one.
  func write(
    _ type: ElementType, _ shape: [Int], gain: Double, seed: UInt64 = 2,
    disturb: (inout TestTensor) -> Void = { _ in }
  ) throws -> ModelPair {
    let before = TestTensor("w", type, shape, seed: seed)
    var after = before
    let size = type.bitCount / 8
    for index in 0..<shape.reduce(1, *) {
      let bits = Plain.scale(type, before.bits(index), Self.exact(gain, type))
      after.bytes.replaceSubrange(index * size..<(index + 1) * size, with: littleEndian(bits, size))
    }
    disturb(&after)
    try bench.write([before], to: "base.safetensors")
    try bench.write([after], to: "edited.safetensors")
    return ModelPair(bench: bench, base: "base.safetensors", edited: "edited.safetensors")
  }

  /// Weights of the test tensors that are infinite, NaN, zero or at the ends of the range, one in sixteen, are scaled too.
  @Test(arguments: ElementType.editable, [0.5, 0.9, 1.1, 1 / 3.0, 1000])
  func `the exact factor is found, and the choices are all that is stored`(type: ElementType, gain: Double)
    throws
  {
    let pair = try write(type, [97, 128], gain: gain)
    let patch = try pair.check(changesLayout: false)
    #expect(patch.changes.map(\.label) == ["scaled"])
    #expect(patch.changes[0].tiles!.differences.isEmpty)
    // Numbers of 16 bits have so few significands that several factors lead to the same elements; a short one is taken.
    let found = patch.changes[0].scaled!.gain
    #expect(abs(found / Self.exact(gain, type) - 1) < 1e-3)
    if gain != 1 / 3.0 { #expect(found == Self.exact(gain, type)) }
    #expect(try pair.comparison().gain(of: "w") == found)
    #expect(patch.byteCount < 97 * 128 / 2)
  }

  @Test(arguments: [[40], [3, 5, 7], [70_000]])
  func `the shape does not matter`(shape: [Int]) throws {
    #expect(
      try write(.f32, shape, gain: 0.99).check(changesLayout: false).changes[0].scaled?.gain
        == Double(Float(0.99)))
    // Smaller than one element's place in BF16: nearly nothing changes, or nothing.
    try write(.bf16, shape, gain: 0.999).check(changesLayout: false)
  }

  @Test(arguments: ElementType.editable)
  func `some elements may be otherwise`(type: ElementType) throws {
    var generator = SplitMix64(state: 3)
    let pair = try write(type, [200, 307], gain: 0.9) { tensor in
      for _ in 0..<600 {
        let place = Int.random(in: tensor.bytes.indices, using: &generator)
        tensor.bytes[place] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    let patch = try pair.check(changesLayout: false)
    #expect(
      patch.changes.map(\.label) == ["scaled"] && patch.changes[0].scaled?.gain == Self.exact(0.9, type))
    #expect(patch.changes[0].tiles!.differences.count == patch.changes[0].form.tileCount)
  }

  @Test(arguments: [ElementType.bf16, .f16, .f32])
  func `two roundings are one factor and a difference`(type: ElementType) throws {
    let pair = try write(type, [64, 300], gain: 1.3)
    let middle = TestTensor("w", type, [64, 300], bytes: try bench.bytes(of: "w", in: "edited.safetensors"))
    var after = middle
    let size = type.bitCount / 8
    for index in 0..<64 * 300 {
      let bits = Plain.scale(type, middle.bits(index), Self.exact(0.7, type))
      after.bytes.replaceSubrange(index * size..<(index + 1) * size, with: littleEndian(bits, size))
    }
    try bench.write([after], to: "edited.safetensors")
    let patch = try pair.check(changesLayout: false)
    #expect(patch.changes.map(\.label) == ["scaled"])
    #expect(abs(patch.changes[0].scaled!.gain - 0.91) < 1e-2)
  }

  @Test(arguments: ElementType.editable)
  func `other changes are no factor`(type: ElementType) throws {
    // Elements that all move by a place, signs that turn, a factor of most elements that do not change: 1.
    let turned = try write(type, [64, 48], gain: 0.9) { tensor in
      for place in stride(from: type.bitCount / 8 - 1, to: tensor.bytes.count, by: type.bitCount / 4) {
        tensor.bytes[place] ^= 0x80
      }
    }
    #expect(try turned.check(changesLayout: false).changes.map(\.label) == ["difference"])
    for part in [1, 2, 50] {
      let before = TestTensor("w", type, [64, 48], seed: 6)
      var after = before
      for place in stride(from: 0, to: after.bytes.count, by: part * type.bitCount / 8) {
        after.bytes[place] ^= 1
      }
      try bench.write([before], to: "base.safetensors")
      try bench.write([after], to: "edited.safetensors")
      #expect(try turned.check(changesLayout: false).changes.map(\.label) == ["difference"], "one in \(part)")
    }
    #expect(
      try write(type, [3], gain: 0.9).check(changesLayout: false).changes.map(\.label) == ["difference"])
  }

  @Test func `a scaled tensor is changed in place and back`() throws {
    let pair = try write(.bf16, [601, 907], gain: 0.9)
    try pair.write()
    let (base, edited) = try (bench.folder.read(pair.base), bench.folder.read(pair.edited))
    try bench.copy(pair.base, to: "m.safetensors")
    try bench.run("p.errata", "m.safetensors").changeInPlace(.apply)
    #expect(try same(bench.folder.read("m.safetensors"), edited))
    try bench.run("p.errata", "m.safetensors").changeInPlace(.revert)
    #expect(try same(bench.folder.read("m.safetensors"), base))
  }

  @Test func `sealed faults in differences and choices give the promised tensor or none`() throws {
    let pair = try write(.bf16, [64, 48], gain: 0.9) { $0.bytes[100] ^= 1 }
    let patch = try pair.write()
    try #require(patch.changes[0].label == "scaled" && !patch.changes[0].tiles!.differences.isEmpty)
    let parts = PatchParts(try bench.folder.read("p.errata"))
    let goals = try [pair.edited, pair.base].map { try bench.folder.read($0) }
    var generator = SplitMix64(state: 14)
    for round in 0..<200 {
      var faulty = parts
      let block = Int.random(in: faulty.blocks.indices, using: &generator)
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
