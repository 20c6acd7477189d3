import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Patches made to hurt: they are told from their own numbers, before those numbers ask for anything.
@Suite struct HostilePatchTests {
  let example: WorkedExample
  var parts: PatchParts

  init() throws {
    example = try WorkedExample()
    parts = PatchParts(try #require(PatchVectorTests.vectors.first { $0.name == "accept-rank-one" }).bytes)
  }

  func refusal(_ parts: PatchParts) -> String? {
    do { try example.use(parts.sealed) } catch { return caseName(error) }
    return nil
  }

  @Test(arguments: [
    ("[1073741824,1048576]", 1), ("[536870912,536870912]", 536_870_912), ("[1,288230376151711744]", 1),
    ("[4194304,4194304]", 4_194_304),
  ])
  func `a shape that nobody has room for is refused by the blocks it would need`(shape: String, rank: Int) {
    var huge = parts
    huge.replace("[2,2]", shape)
    huge.replace("\"rank\":1", "\"rank\":\(rank)")
    #expect(refusal(huge) == "badBlockRange")
  }

  @Test(arguments: [
    "[9223372036854775807,9223372036854775807]", "[9223372036854775807,2]", "[4294967296,4294967296]",
    "[-1,2]",
    "[18446744073709551616,2]", "[2,1e1]", "[]", "[2]", "\"2\"", "null",
  ])
  func `a shape that does not count is refused`(shape: String) {
    var odd = parts
    odd.replace("[2,2]", shape)
    #expect(refusal(odd) == "badManifest")
  }

  @Test(arguments: ["9223372036854775807", "-1", "4294967297", "1.5", "18446744073709551616", "\"0\""])
  func `a block range that does not count is refused`(number: String) throws {
    for pair in ["[\(number),1]", "[0,\(number)]"] {
      var odd = parts
      odd.replace("[0,1]", pair)
      let name = try #require(refusal(odd))
      #expect(["badManifest", "badBlockRange"].contains(name), "\(pair): \(name)")
    }
  }

  @Test func `blocks that claim gigabytes are not decoded for a model without such a tensor`() throws {
    // 2 GB of tensor, 4 GB of left factor, in well-formed blocks of a few bytes each.
    let (rows, columns, rank) = (1 << 17, 1 << 13, 1 << 13)
    var huge = parts
    let tiles = rows * columns * 2 / Tiling.byteCount
    let counts =
      [tiles * 64, rank * 4, rank * rows * 4, rank * columns * 4].map { Tiling.count($0) } + [tiles]
    var first = 0
    huge.blocks = []
    for ((field, old), count) in zip(
      zip(["leaves", "scales", "left", "right", "choices"], ["[0,1]", "[1,1]", "[2,1]", "[3,1]", "[4,1]"]),
      counts)
    {
      huge.replace("\"\(field)\":\(old)", "\"\(field)\":[\(first),\(count)]")
      first += count
      let isChoices = field == "choices"
      let last = field == "leaves" ? tiles * 64 : field == "scales" ? rank * 4 : Tiling.byteCount
      for _ in 0..<count { huge.blocks.append(([0], isChoices ? 0 : last, isChoices ? 4 : 1)) }
    }
    huge.replace("[2,2]", "[\(rows),\(columns)]")
    huge.replace("\"rank\":1", "\"rank\":\(rank)")
    huge.replace("\"factorType\":\"F16\"", "\"factorType\":\"F32\"")
    try example.bench.folder.write(huge.sealed, to: "p.errata")
    #expect(try PatchFile(example.bench.folder.path("p.errata")).changes[0].byteCount == 1 << 31)
    #expect(refusal(huge) == "tensorMismatch")
  }

  @Test func `a frame that expands beyond its block is refused`() {
    // zstd, one block that repeats a byte 131 072 times, for a block of 64 bytes.
    var bomb = parts
    bomb.blocks[0] = ([0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 2, 0, 0x03, 0, 0x10, 0], 64, 1)
    #expect(refusal(bomb) == "blockDecoding")
  }

  @Test func `an edited element that no base leads to is refused`() throws {
    // Element 0 gains 1, and numbers near −1 are 2⁻¹¹ apart: none of them gives 2⁻²⁴.
    var odd = parts
    let base: [UInt8] = [0x00, 0x3C, 0x00, 0x42, 0x00, 0xBA, 0x00, 0x64]
    let impossible: [UInt8] = [0x01, 0x00, 0x80, 0x43, 0x00, 0xB4, 0x00, 0x64]
    odd.blocks[0].stored = Digest(of: base).bytes + Digest(of: impossible).bytes
    odd.replace(
      Digest(leaves: [Digest(of: WorkedExample.edited)]).hexadecimal,
      Digest(leaves: [Digest(of: impossible)]).hexadecimal)
    try example.bench.write([TestTensor("w", .f16, [2, 2], bytes: impossible)], to: "odd.safetensors")
    try example.bench.folder.write(odd.sealed, to: "odd.errata")
    let run = try example.bench.run("odd.errata", "odd.safetensors")
    try run.requireSource(of: .revert)
    #expect(
      throws: PatchError.choicesMismatch(file: example.bench.folder.path("odd.errata"), tensor: "w", tile: 0)
    ) {
      try run.write(.revert, to: example.bench.folder.path("out.safetensors"))
    }
  }

  @Test func `what could not be taken back is not applied, to a new file or in place`() throws {
    let right = parts.blocks[4].stored
    var reasons: Set<String> = []
    for byte in UInt8.min...UInt8.max where [byte] != right {
      var odd = parts
      odd.blocks[4].stored = [byte]
      guard let patch = try? example.bench.folder.write(odd.sealed, to: "odd.errata"),
        (try? PatchFile(patch)) != nil
      else { continue }
      try example.bench.write(
        [TestTensor("w", .f16, [2, 2], bytes: WorkedExample.base)], to: "odd.safetensors")
      let run = try example.bench.run("odd.errata", "odd.safetensors")
      let copying = #expect(throws: PatchError.self) {
        try run.write(.apply, to: example.bench.folder.path("out.safetensors"))
      }
      let inPlace = #expect(throws: PatchError.self) { try run.changeInPlace(.apply) }
      #expect(copying.map(caseName) == inPlace.map(caseName), "choices \(byte)")
      reasons.formUnion(copying.map { [caseName($0)] } ?? [])
      #expect(try same(example.bench.folder.read("odd.safetensors").suffix(8), WorkedExample.base))
    }
    #expect(reasons.isSubset(of: ["choicesMismatch", "wrongResult", "blockDecoding"]) && !reasons.isEmpty)
  }

  @Test func `factors whose sums could overflow are refused, the largest others are not`() throws {
    // The largest factors are 2¹³ on both sides, so that 2¹²⁷ is reached with a scale of 2¹⁰¹.
    var odd = parts
    odd.blocks[1].stored = littleEndian(UInt64(Float(0x1p101).bitPattern), 4)
    #expect(refusal(odd) == "notFinite")
    odd.blocks[1].stored = littleEndian(UInt64(Float(0x1p100).bitPattern), 4)
    #expect(refusal(odd) == "wrongResult")
    // Finite factors whose scaled values are infinite, and 0 times that is NaN.
    odd.blocks[1].stored = littleEndian(UInt64(Float(0x1p127).bitPattern), 4)
    odd.blocks[2].stored = [0, 0, 0, 0]
    #expect(refusal(odd) == "notFinite")
  }
}

/// Counts that a patch is free to claim must not cost their square.
@Suite struct ManyNamesTests {
  let bench: Workbench

  init() throws { bench = try Workbench() }

  /// A patch whose manifest has other members, sealed; blocks of four bytes each.
  func write(_ members: String, blocks count: Int) throws {
    var parts = PatchParts(
      try #require(PatchVectorTests.vectors.first { $0.name == "accept-without-tensors" }).bytes)
    parts.manifest.removeLast()
    parts.manifest += "," + members + "}"
    parts.blocks = (0..<count).map { _ in (stored: [0, 0, 128, 63], decodedCount: 4, coding: 0) }
    try bench.folder.write(parts.sealed, to: "p.errata")
  }

  // Comparing each name with each takes a minute here and more; telling them apart by a table takes a second.
  @Test(.timeLimit(.minutes(20))) func `twenty thousand matrices for solving again are read in no time`()
    throws
  {
    let count = 20_000
    let list = (0..<count).map { "{\"name\":\"matrix \($0)\",\"rows\":1,\"columns\":1,\"blocks\":[\($0),1]}" }
    try write("\"resolve\":[\(list.joined(separator: ","))]", blocks: count)
    let patch = try PatchFile(bench.folder.path("p.errata"))
    #expect(try patch.resolveMatrix("matrix 19999")?.elements == [1])
  }

  @Test(.timeLimit(.minutes(20))) func `twenty thousand files of a layout are read in no time`() throws {
    let count = 20_000
    func side(_ first: Int, _ ending: String) -> String {
      let list = (0..<count).map {
        "{\"name\":\"\($0).\(ending)\",\"bytes\":4,\"headerBytes\":4,\"header\":[\(first + $0),1]}"
      }
      return "{\"folder\":true,\"files\":[\(list.joined(separator: ","))]}"
    }
    try write("\"layout\":{\"base\":\(side(0, "json")),\"result\":\(side(count, "json"))}", blocks: 2 * count)
    let patch = try PatchFile(bench.folder.path("p.errata"))
    try bench.write([TestTensor("w", .f32, [2, 2])], to: "m.safetensors")
    let run = try PatchRun(patch, ModelFile(bench.folder.path("m.safetensors")), threads: 1)
    #expect(try run.state(of: run.examine()) == .other)
  }
}
