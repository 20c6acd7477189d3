import ModelFiles
import TestSupport
import Testing

/// The plain reader on patches of two models: every kind of change, both ways.
@Suite(
  .enabled(
    if: ReaderTests.python != nil, "needs python3, or the one of ERRATA_PYTHON, with numpy and zstandard"))
struct ReaderDifferenceTests {
  let folder: TemporaryFolder
  let runner: CommandRunner

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  /// The bytes of a model's weights and of its index.
  func files(_ model: String) throws -> [String: [UInt8]] {
    guard Folder.exists(folder.path(model)) else { return ["": try folder.read(model)] }
    let names = try Folder.names(in: folder.path(model)).filter {
      $0.hasSuffix(".safetensors") || $0.hasSuffix(".json") || $0.hasSuffix(".model") || $0.hasSuffix(".txt")
    }
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try folder.read(model + "/" + $0)) })
  }

  /// Makes the patch from one model to another, and lets the reader go both ways.
  func check(_ base: String, _ edited: String, kinds: Set<String>) throws {
    let made = try runner.errata("diff", base, edited, "-o", "p.errata", "--quiet")
    #expect(made.status == 0, "\(made.errors)")
    let shown = try runner.errata("show", "p.errata", "--json").object()["tensors"]?.elements ?? []
    #expect(Set(shown.compactMap { $0["change"]?.text }) == kinds)
    let reader = try ReaderTests.command()
    for (direction, source, goal) in [("apply", base, edited), ("revert", edited, base)] {
      let read = try runner.shell("\(reader) \(direction) p.errata \(source) read-\(direction)")
      #expect(read.status == 0, "\(read.errors)")
      let (found, wanted) = (try files("read-\(direction)"), try files(goal))
      #expect(found.keys.sorted() == wanted.keys.sorted())
      for (name, bytes) in wanted { #expect(found[name] == bytes, "\(direction): \(name)") }
      // Where it does not belong, the patch is refused and nothing is left.
      let refused = try runner.shell("\(reader) \(direction) p.errata \(goal) wrong")
      #expect(refused.status == 1 && !Folder.occupied(folder.path("wrong")))
      Folder.remove(folder.path("read-\(direction)"))
    }
  }

  /// A tensor of random bytes, and the same with some of them drawn anew.
  func pair(_ name: String, _ type: ElementType, _ shape: [Int]) throws -> (NewTensor, NewTensor) {
    var generator = SplitMix64(state: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
    let before = try (0..<type.byteCount(shape: shape)).map { _ in
      UInt8.random(in: 0...255, using: &generator)
    }
    let after = before.map {
      Int.random(in: 0..<4, using: &generator) == 0 ? UInt8.random(in: 0...255, using: &generator) : $0
    }
    return (
      NewTensor(name: name, elementType: type, shape: shape, elements: before),
      NewTensor(name: name, elementType: type, shape: shape, elements: after)
    )
  }

  @Test func `differences of every element type`() throws {
    let pairs = try ElementType.allCases.filter(\.isInSafetensors).map {
      try pair($0.rawValue, $0, [6, 8, 5])
    }
    try SafetensorsWriter.write(pairs.map(\.0), to: folder.path("base.safetensors"))
    try SafetensorsWriter.write(pairs.map(\.1), to: folder.path("edited.safetensors"))
    try check("base.safetensors", "edited.safetensors", kinds: ["difference"])
  }

  @Test func `low-rank updates found again, with differences after them`() throws {
    let types: [ElementType] = [.f32, .f16, .bf16]
    let made = try MadeModel(
      types.map { .init(name: "w.\($0.rawValue)", elementType: $0, rows: 301, columns: 407) }, name: "base",
      edits: 2,
      in: folder)
    try made.solve("solved.errata", with: runner)
    #expect(try runner.errata("apply", "solved.errata", made.path, "-o", "edited.safetensors").status == 0)
    try check("base.safetensors", "edited.safetensors", kinds: ["low-rank"])
  }

  /// Random bits of a type's elements, and the same times 0.9.
  func scaled<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: ElementType, isDisturbed: Bool, times: (Bits) -> Bits
  ) -> (NewTensor, NewTensor) {
    var generator = SplitMix64(state: UInt64(Bits.bitWidth))
    let before = (0..<6000).map { _ in Bits.random(in: 0 ... .max, using: &generator) }
    var after = before.map(times)
    if isDisturbed { after[1234] ^= 1 }
    return (
      NewTensor(name: type.rawValue, elementType: type, shape: [3, 40, 50], elements: before),
      NewTensor(name: type.rawValue, elementType: type, shape: [3, 40, 50], elements: after)
    )
  }

  @Test(arguments: [false, true])
  func `scaled tensors of every type, exact and with differences after them`(isDisturbed: Bool) throws {
    let pairs = [
      scaled(.f64, isDisturbed: isDisturbed) { (bits: UInt64) in
        let w = Double(bitPattern: bits)
        return w.isFinite ? (w * 0.9).bitPattern : bits
      },
      scaled(.f32, isDisturbed: isDisturbed) { (bits: UInt32) in
        let w = Float(bitPattern: bits)
        return w.isFinite ? (w * 0.9).bitPattern : bits
      },
      scaled(.f16, isDisturbed: isDisturbed) { (bits: UInt16) in
        let w = Float16(bitPattern: bits)
        return w.isFinite ? Float16(Float(w) * 0.9).bitPattern : bits
      },
    ]
    try SafetensorsWriter.write(pairs.map(\.0), to: folder.path("base.safetensors"))
    try SafetensorsWriter.write(pairs.map(\.1), to: folder.path("edited.safetensors"))
    try check("base.safetensors", "edited.safetensors", kinds: ["scaled"])
  }

  @Test func `a scaled model in BF16`() throws {
    let fixtures = PackageFiles.path("Fixtures")
    let applied = try runner.errata(
      "apply", fixtures + "/reference/tiny-llama.scaled.errata", fixtures + "/models/tiny-llama", "-o",
      "edited")
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(try runner.shell("cp -r \(fixtures)/models/tiny-llama base").status == 0)
    try check("base", "edited", kinds: ["scaled"])
  }

  @Test func `tensors added, removed and replaced, from one file to several and back`() throws {
    let (kept, changed) = try (pair("kept", .u8, [5]), pair("changed", .bf16, [30, 40]))
    let (old, new) = try (pair("replaced", .f32, [6, 4]).0, pair("replaced", .f16, [4, 6]).0)
    let (removed, added) = try (pair("removed", .i64, [3]).0, pair("added", .f64, [2, 2]).0)
    try SafetensorsWriter.write(
      [kept.0, changed.0, old, removed], metadata: [("format", "pt")], to: folder.path("base.safetensors"))
    try Folder.create(folder.path("edited"))
    try SafetensorsWriter.write([changed.1, added], to: folder.path("edited/one.safetensors"))
    try SafetensorsWriter.write([kept.0, new], to: folder.path("edited/two.safetensors"))
    let index = """
      {"weight_map":{"changed":"one.safetensors","added":"one.safetensors","kept":"two.safetensors",\
      "replaced":"two.safetensors"}}
      """
    try folder.write(Array(index.utf8), to: "edited/model.safetensors.index.json")
    try check("base.safetensors", "edited", kinds: ["added", "difference", "removed", "replaced"])
    try check("edited", "base.safetensors", kinds: ["added", "difference", "removed", "replaced"])
  }

  @Test func `rows that come, and files beside the weights`() throws {
    let types: [ElementType] = [.bf16, .f32, .u8]
    for (name, isLonger) in [("base", false), ("edited", true)] {
      try Folder.create(folder.path(name))
      // More than a tile of common rows, changed in the first type only.
      let rows = isLonger ? 1201 : 1199
      let tensors = try types.map { type -> NewTensor in
        var generator = SplitMix64(state: 31)
        let count = try type.byteCount(shape: [rows, 500])
        var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        if isLonger, type == .bf16 {
          for place in stride(from: 0, to: 1_000_000, by: 777) { bytes[place] ^= 1 }
        }
        return NewTensor(name: type.rawValue, elementType: type, shape: [rows, 500], elements: bytes)
      }
      try SafetensorsWriter.write(tensors, to: folder.path(name + "/model.safetensors"))
      try folder.write(Array("{\"rows\": \(isLonger)}".utf8), to: name + "/config.json")
      try folder.write([0, 255, 13, 10], to: name + (isLonger ? "/new.model" : "/old.txt"))
    }
    try check("base", "edited", kinds: ["resized"])
    try check("edited", "base", kinds: ["resized"])
  }

  @Test func `columns that came, and rows in the middle`() throws {
    // Of the longer side one run has 1210 bytes or more, so pieces cut runs and hold several.
    let forms: [(name: String, type: ElementType, before: [Int], after: [Int], runs: Int)] = [
      ("down", .bf16, [997, 605], [997, 640], 997), ("pair", .f32, [14, 31], [20, 31], 2),
      ("stack", .u8, [3, 5, 7], [3, 6, 7], 3), ("wide", .f64, [2, 300_000], [2, 300_001], 2),
    ]
    for name in ["base", "edited"] {
      try Folder.create(folder.path(name))
      let tensors = try forms.map { form -> NewTensor in
        var generator = SplitMix64(state: 5)
        let count = try form.type.byteCount(shape: form.after)
        let longer = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        guard name == "base" else {
          return NewTensor(name: form.name, elementType: form.type, shape: form.after, elements: longer)
        }
        let (short, long) = (try form.type.byteCount(shape: form.before) / form.runs, count / form.runs)
        let bytes = (0..<form.runs).flatMap { longer[$0 * long..<$0 * long + short] }
        return NewTensor(name: form.name, elementType: form.type, shape: form.before, elements: bytes)
      }
      try SafetensorsWriter.write(tensors, to: folder.path(name + "/model.safetensors"))
    }
    try check("base", "edited", kinds: ["extended"])
    try check("edited", "base", kinds: ["extended"])
  }

  @Test func `a patch of nothing, and one of a header alone`() throws {
    let tensor = try pair("w", .f32, [3, 3]).0
    try SafetensorsWriter.write([tensor], to: folder.path("base.safetensors"))
    try SafetensorsWriter.write(
      [tensor], metadata: [("note", "other")], to: folder.path("edited.safetensors"))
    let made = try runner.errata("diff", "base.safetensors", "edited.safetensors", "-o", "p.errata")
    #expect(made.status == 0)
    let reader = try ReaderTests.command()
    #expect(try runner.shell(reader + " apply p.errata base.safetensors out.safetensors").status == 0)
    #expect(try folder.read("out.safetensors") == folder.read("edited.safetensors"))
    #expect(try runner.errata("diff", "base.safetensors", "base.safetensors", "-o", "p.errata").status == 0)
    #expect(try runner.shell(reader + " apply p.errata base.safetensors same.safetensors").status == 0)
    #expect(try folder.read("same.safetensors") == folder.read("base.safetensors"))
  }
}
