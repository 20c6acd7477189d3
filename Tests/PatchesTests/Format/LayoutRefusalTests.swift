import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Manifests of diff patches with faults in them, sealed: refused by name, and nothing is written.
@Suite struct LayoutRefusalTests {
  let bench: Workbench
  let parts: PatchParts

  /// From one file to two in a folder: `a` is replaced, `b` changed, `c` removed, `d` added, `e` untouched.
  init() throws {
    bench = try Workbench()
    let tensors = ["a", "b", "c", "e"].map { TestTensor($0, .f32, [4, 3], seed: UInt64($0.utf8.first!)) }
    try bench.write(tensors, to: "base.safetensors")
    try bench.write(
      shards: [
        [TestTensor("a", .f16, [3, 4], seed: 1), tensors[1].changed()],
        [TestTensor("d", .u8, [5], bytes: [1, 2, 3, 4, 5]), tensors[3]],
      ], to: "edited")
    try ModelPair(bench: bench, base: "base.safetensors", edited: "edited").check(changesLayout: true)
    parts = PatchParts(try bench.folder.read("p.errata"))
  }

  /// The error that a patch gives when it is opened, applied or reverted.
  func refusal(_ parts: PatchParts) throws -> PatchError? {
    try bench.folder.write(parts.sealed, to: "f.errata")
    do {
      for (direction, model) in [(PatchRun.Direction.apply, "base.safetensors"), (.revert, "edited")] {
        let run = try bench.run("f.errata", model)
        try run.requireSource(of: direction)
        try run.write(direction, to: bench.folder.path("out"))
        Folder.remove(bench.folder.path("out"))
      }
    } catch let error as PatchError {
      #expect(try bench.names().allSatisfy { $0 != "out" && !$0.hasPrefix(".") })
      return error
    }
    return nil
  }

  /// The manifest with one piece of text in place of another.
  func refusal(_ text: String, _ other: String) throws -> String? {
    var parts = parts
    parts.replace(text, other)
    return try refusal(parts).map(caseName)
  }

  @Test func `the patch itself is good`() throws {
    #expect(try refusal(parts) == nil)
    #expect(
      parts.manifest.contains(
        "\"layout\":{\"base\":{\"folder\":false,\"files\":[{\"name\":\"base.safetensors\""))
  }

  @Test(arguments: [
    "a/b.safetensors", "/etc/passwd", "..", ".", "", "../up.safetensors", "model-2.safetensors", "nul\\u0000",
  ])
  func `a file's name that is not plain, or not its own, is refused`(name: String) throws {
    #expect(try refusal("\"name\":\"model-1.safetensors\"", "\"name\":\"\(name)\"") == "badManifest")
  }

  @Test(arguments: [
    ("\"layout\":{", "\"lay-out\":{"), ("\"folder\":true", "\"folder\":1"),
    ("\"folder\":true", "\"fold\":true"),
    ("\"folder\":true", "\"folder\":false"), ("\"layout\":{\"base\":", "\"layout\":{\"other\":"),
    ("\"result\":{\"folder\"", "\"results\":{\"folder\""), ("\"headerBytes\":", "\"headerBytes\":-"),
    ("\"bytes\":", "\"bytes\":-"), ("\"bytes\":", "\"bytes\":1"),
    ("\"headerBytes\":", "\"headerBytes\":99999"),
    ("\"files\":[{", "\"files\":[],\"others\":[{"), ("\"files\":[{\"name\"", "\"files\":[{\"names\""),
    ("\"header\":[", "\"head\":["), ("\"header\":[", "\"header\":[0,"),
    ("\"baseElementType\":\"F32\"", "\"baseElementType\":\"F31\""),
    ("\"baseShape\":[4,3]", "\"baseShape\":[4,-3]"),
    ("\"baseShape\":", "\"shapeBefore\":"), ("\"baseElementType\"", "\"baseType\""),
    ("\"change\":\"replaced\",\"elementType\":\"F16\"", "\"change\":\"replaced\",\"elementType\":\"F15\""),
  ])
  func `a field that is missing or no layout's is refused`(text: String, other: String) throws {
    #expect(try refusal(text, other) == "badManifest")
  }

  @Test(arguments: ["change", "difference", "replace", "ADDED"])
  func `a kind that is none is refused`(kind: String) throws {
    #expect(try refusal("\"change\":\"added\"", "\"change\":\"\(kind)\"").map { $0 != "" } == true)
    #expect(try refusal("\"change\":\"replaced\"", "\"change\":\"other\"") == "unknownChange")
  }

  @Test func `block ranges that are another's, too short or beyond the table are refused`() throws {
    let fields = parts.manifest.matches(of: /"(header|base|result|differences|leaves)":\[(\d+),(\d+)\]/)
    #expect(fields.count >= 9)
    for field in fields {
      let (first, count) = (Int(field.2)!, Int(field.3)!)
      for (newFirst, newCount) in [
        (first + 1, count), (first, count + 1), (max(first, 1) - 1, count + 1), (first, 0), (1 << 32, count),
        (first, 1 << 32), (first + 999, count),
      ] where (newFirst, newCount) != (first, count) {
        let name = try refusal(String(field.0), "\"\(field.1)\":[\(newFirst),\(newCount)]")
        #expect(name == "badBlockRange", "\(field.0) → \(newFirst), \(newCount): \(name ?? "accepted")")
      }
    }
  }

  @Test func `a block with another coding than its range asks for is refused`() throws {
    for block in parts.blocks.indices {
      var faulty = parts
      let isRelative = faulty.blocks[block].coding >= 4
      faulty.blocks[block].coding = isRelative ? 0 : 5
      faulty.blocks[block].decodedCount = isRelative ? faulty.blocks[block].stored.count : 0
      #expect(try refusal(faulty).map(caseName) == "badBlockRange", "block \(block)")
      faulty.blocks[block].coding = 4
      faulty.blocks[block].decodedCount = 0
      #expect(try refusal(faulty).map(caseName) == "badBlockRange", "block \(block)")
    }
  }

  /// The blocks that hold the headers of safetensors files: base, then result.
  func headerBlocks() throws -> [Int] {
    let blocks = parts.manifest.matches(of: /"headerBytes":\d+,"header":\[(\d+),1\]/).map { Int($0.1)! }
    try #require(blocks.count == 4)
    return Array(blocks[..<3])
  }

  /// The header as it is when a block is decoded.
  func header(_ block: Int) throws -> [UInt8] {
    let (stored, count, coding) = parts.blocks[block]
    return try #require(BlockCoding(rawValue: coding)?.decode(stored, count: count))
  }

  func refusal(_ block: Int, header: [UInt8]) throws -> PatchError? {
    var faulty = parts
    faulty.blocks[block] = (header, header.count, 0)
    return try refusal(faulty)
  }

  @Test func `a header that is none, or tells of other tensors, is refused`() throws {
    for block in try headerBlocks() {
      let header = try header(block)
      #expect(try refusal(block, header: header) == nil)
      func changed(_ text: String, _ other: String) -> [UInt8] {
        precondition(text.utf8.count == other.utf8.count)
        return Array(String(decoding: header, as: UTF8.self).replacing(text, with: other).utf8)
      }
      let garbage = [UInt8](repeating: 0x41, count: header.count)
      for (bad, what) in [
        (garbage, "letters"), ([UInt8](repeating: 0, count: header.count), "zeros"),
        (header.dropLast() + [UInt8(ascii: "{")], "no end"),
        (changed("data_offsets\":[0", "data_offsets\":[1"), "a gap"),
      ] as [([UInt8], String)] {
        let error = try refusal(block, header: bad)
        #expect(error.map(caseName) == "badManifest", "\(what) in block \(block)")
      }
      // Another name under a tensor's place: what is there is not what the patch or the model has.
      for name in ["a", "b", "c", "d", "e"] {
        let bad = changed("\"\(name)\":{\"dtype\"", "\"y\":{\"dtype\"")
        guard bad != header else { continue }
        let error = try refusal(block, header: bad)
        #expect(error.map { ["tensorMissing", "badManifest"].contains(caseName($0)) } == true, "\(name)")
      }
      // A touched tensor that has no place, as another stands in two.
      let twice = changed("\"b\":{\"dtype\"", "\"e\":{\"dtype\"")
      if twice != header { #expect(try refusal(block, header: twice).map(caseName) == "badManifest") }
      for (old, new) in [
        ("\"F32\"", "\"I32\""), ("[4,3]", "[3,4]"), ("[3,4]", "[4,3]"), ("\"U8\"", "\"I8\""),
      ] {
        let bad = changed(old, new)
        if bad != header {
          #expect(try refusal(block, header: bad).map(caseName) == "tensorMismatch", "\(old)")
        }
      }
    }
  }

  @Test func `stored data that is not what the digest says is refused`() throws {
    for match in parts.manifest.matches(of: /"(?:base|result)":\[(\d+),1\]/) {
      let block = Int(match.1)!
      var data = try header(block)
      data[0] ^= 1
      #expect(try refusal(block, header: data).map(caseName) == "leafDigest", "block \(block)")
    }
  }

  @Test func `random faults in the manifest are refused or do what the patch did`() throws {
    var generator = SplitMix64(state: 21)
    for round in 0..<500 {
      var manifest = Array(parts.manifest.utf8)
      for _ in 0...Int.random(in: 0...1, using: &generator) {
        let position = Int.random(in: manifest.indices, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: manifest[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: manifest[position] = Array("0123456789\"{}[],:-".utf8).randomElement(using: &generator)!
        default: manifest.remove(at: position)
        }
      }
      try bench.folder.write(parts.sealed(manifest: manifest), to: "f.errata")
      do {
        try bench.run("f.errata", "base.safetensors").write(.apply, to: bench.folder.path("out"))
      } catch { #expect(error is PatchError, "round \(round): \(error)") }
      Folder.remove(bench.folder.path("out"))
    }
  }
}
