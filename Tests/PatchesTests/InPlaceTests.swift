import ModelFiles
import Synchronization
import TestSupport
import Testing

@testable import Patches

/// An error of the disk, as an in-place run would meet it.
struct DiskTrouble: Error {}

/// A model of three tensors of more than one tile each, its patch, and the bytes before and after.
struct InPlaceBench {
  let bench: Workbench
  let base: [UInt8]
  let edited: [UInt8]

  /// Made once; every test gets files of its own.
  private static let prepared = Result<(patch: [UInt8], base: [UInt8], edited: [UInt8]), any Error> {
    let bench = try Workbench()
    let model = try bench.write(
      [
        TestTensor("a", .f64, [257, 512], seed: 1), TestTensor("b", .f32, [257, 1024], seed: 2),
        TestTensor("c", .f64, [260, 512], seed: 3), TestTensor("d", .u8, [9], bytes: [UInt8](0..<9)),
      ], to: "base.safetensors")
    try bench.patch(
      [TestEdit(tensor: "a"), TestEdit(tensor: "b", rank: 2), TestEdit(tensor: "c")], of: model,
      to: "p.errata")
    try bench.run("p.errata", "base.safetensors").write(.apply, to: bench.folder.path("edited.safetensors"))
    return (
      try bench.folder.read("p.errata"), try bench.folder.read("base.safetensors"),
      try bench.folder.read("edited.safetensors")
    )
  }

  init() throws {
    let prepared = try Self.prepared.get()
    bench = try Workbench()
    base = prepared.base
    edited = prepared.edited
    try bench.folder.write(prepared.patch, to: "p.errata")
  }

  var modelPath: String { bench.folder.path("model.safetensors") }
  var journalPath: String { modelPath + ".errata-journal" }
  var model: [UInt8] { get throws { try bench.folder.read("model.safetensors") } }
  var hasJournal: Bool { Folder.occupied(journalPath) }

  func goal(_ direction: PatchRun.Direction) -> [UInt8] { direction == .apply ? edited : base }

  /// Puts the model back to where the direction starts.
  func reset(_ direction: PatchRun.Direction) throws {
    Folder.remove(journalPath)
    try bench.folder.write(goal(direction.opposite), to: "model.safetensors")
  }

  /// Runs, and throws at a step; `false` when the run ended before.
  func run(
    _ direction: PatchRun.Direction, stoppingAt stop: Int, with error: any Error, window: Int = 256,
    threads: Int = 1
  ) throws -> Bool {
    var run = try bench.run("p.errata", "model.safetensors", threads: threads)
    run.windowTileCount = window
    return try stopped(at: stop, with: error) {
      try run.changeInPlace(direction, progress: { _ in }, observe: $0)
    }
  }

  /// Recovers, and kills the recovery at a step; `false` when it ended before.
  func recover(killedAt stop: Int, window: Int, rollingBack: Bool = false) throws -> Bool {
    try stopped(at: stop, with: SimulatedKill()) { observe in
      _ = try PatchRun.recover(
        ModelFile(modelPath), rollingBack: rollingBack, threads: 1, windowTileCount: window, observe: observe)
    }
  }

  @discardableResult
  func recover(rollingBack: Bool = false, threads: Int = 1) throws -> [PatchRun.Recovery] {
    try PatchRun.recover(ModelFile(modelPath), rollingBack: rollingBack, threads: threads)
  }

  private func stopped(
    at stop: Int, with error: any Error, _ body: (@Sendable (RunStep) throws -> Void) throws -> Void
  ) throws -> Bool {
    let steps = Atomic<Int>(0)
    do {
      try body { _ in if steps.wrappingAdd(1, ordering: .relaxed).oldValue == stop { throw error } }
      return false
    } catch let found where type(of: found) == type(of: error) {
      return true
    }
  }
}

@Suite struct InPlaceTests {
  let bench: InPlaceBench

  init() throws { bench = try InPlaceBench() }

  @Test(arguments: [(PatchRun.Direction.apply, 256), (.apply, 1), (.revert, 2)])
  func `a run killed at any step is completed or undone`(direction: PatchRun.Direction, window: Int) throws {
    let start = bench.goal(direction.opposite)
    var mixtures = 0
    for stop in 0... {
      var isKilled = false
      for rollingBack in [false, true] {
        try bench.reset(direction)
        isKilled = try bench.run(direction, stoppingAt: stop, with: SimulatedKill(), window: window)
        guard isKilled else { break }
        // Before the journal there is nothing to recover: step 0 only.
        #expect(bench.hasJournal == (stop > 0))
        let killed = try bench.model
        if !same(killed, start), !same(killed, bench.goal(direction)) { mixtures += 1 }
        let recoveries = try bench.recover(rollingBack: rollingBack)
        #expect(recoveries.map(\.direction) == (stop > 0 ? [direction] : []))
        #expect(recoveries.allSatisfy { $0.isCompleted == !rollingBack })
        let wanted = stop > 0 && !rollingBack ? bench.goal(direction) : start
        #expect(try same(bench.model, wanted), "step \(stop), rolling back \(rollingBack)")
        #expect(!bench.hasJournal)
        #expect(try bench.recover().isEmpty)
        #expect(try same(bench.model, wanted))
      }
      guard isKilled else { break }
    }
    // Six tiles, two steps each, and all but the last of them leaves a mixture.
    #expect(mixtures >= 22)
    #expect(try same(bench.model, bench.goal(direction)))
    #expect(try bench.bench.names() == ["model.safetensors", "p.errata"])
  }

  @Test(arguments: [false, true])
  func `a recovery killed at any step is recovered`(rollingBack: Bool) throws {
    for stop in 0... {
      try bench.reset(.apply)
      // In the middle of a tile of the second window.
      #expect(try bench.run(.apply, stoppingAt: 9, with: SimulatedKill(), window: 2))
      let isKilled = try bench.recover(killedAt: stop, window: 2, rollingBack: rollingBack)
      #expect(bench.hasJournal == isKilled)
      // What the second attempt wants decides.
      try bench.recover(rollingBack: stop % 2 == 1 ? !rollingBack : rollingBack)
      let isUndone = isKilled && stop % 2 == 1 ? !rollingBack : rollingBack
      #expect(try same(bench.model, isUndone ? bench.base : bench.edited), "step \(stop)")
      #expect(!bench.hasJournal)
      guard isKilled else { break }
    }
  }

  @Test(arguments: [3, 6, 11])
  func `a run of four threads killed in the middle is recovered`(stop: Int) throws {
    for rollingBack in [false, true] {
      try bench.reset(.revert)
      #expect(try bench.run(.revert, stoppingAt: stop, with: SimulatedKill(), threads: 4))
      try bench.recover(rollingBack: rollingBack, threads: 4)
      #expect(try same(bench.model, rollingBack ? bench.edited : bench.base))
    }
  }

  @Test(arguments: [(1, 2), (4, 256)])
  func `an error in the middle rolls back by itself`(threads: Int, window: Int) throws {
    for stop in 0... {
      try bench.reset(.apply)
      let isStopped = try bench.run(
        .apply, stoppingAt: stop, with: DiskTrouble(), window: window, threads: threads)
      #expect(try same(bench.model, isStopped ? bench.base : bench.edited), "step \(stop)")
      #expect(!bench.hasJournal)
      guard isStopped else { break }
    }
  }

  @Test func `a run beside an interrupted one is refused until that is recovered`() throws {
    try bench.reset(.apply)
    #expect(try bench.run(.apply, stoppingAt: 1, with: SimulatedKill()))
    #expect(throws: ModelFileError(.locked, file: bench.journalPath)) {
      try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
    }
    try bench.recover()
    #expect(try same(bench.model, bench.edited))
  }

  @Test func `two runs on one model exclude each other`() throws {
    try bench.reset(.apply)
    #expect(try bench.run(.apply, stoppingAt: 4, with: SimulatedKill()))
    let halfDone = try bench.model
    let other = try OpenFile(bench.modelPath, .updating)
    try other.lock(exclusively: true)
    let locked = ModelFileError(.locked, file: bench.modelPath)
    #expect(throws: locked) { try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply) }
    #expect(throws: locked) { try bench.recover() }
    #expect(try same(bench.model, halfDone))
    #expect(bench.hasJournal)
  }

  @Test func `a model that was replaced after it was opened is not changed`() throws {
    try bench.reset(.apply)
    let run = try bench.bench.run("p.errata", "model.safetensors")
    try bench.bench.folder.write(bench.base, to: "model.safetensors")
    #expect(throws: ModelFileError(.locked, file: bench.modelPath)) { try run.changeInPlace(.apply) }
    #expect(try same(bench.model, bench.base))
  }

  @Test func `a model behind a symbolic link is not changed in place`() throws {
    try bench.reset(.apply)
    try bench.bench.link("link.safetensors", to: "model.safetensors")
    let error = #expect(throws: ModelFileError.self) {
      try bench.bench.run("p.errata", "link.safetensors").changeInPlace(.apply)
    }
    #expect(error?.reason == .symbolicLink(destination: "model.safetensors"))
    #expect(try same(bench.model, bench.base))
  }

  @Test func `a run of a patch that changes nothing writes nothing`() throws {
    let model = try bench.bench.write(
      [TestTensor("z", .f32, [3, 3], bytes: [UInt8](repeating: 1, count: 36))], to: "z.safetensors")
    try bench.bench.patch([TestEdit(tensor: "z", scale: 0)], of: model, to: "z.errata")
    let steps = Atomic<Int>(0)
    try bench.bench.run("z.errata", "z.safetensors")
      .changeInPlace(.apply, progress: { _ in }, observe: { _ in steps.add(1, ordering: .relaxed) })
    #expect(steps.load(ordering: .relaxed) == 1)
  }
}

@Suite struct JournalTests {
  let bench: InPlaceBench
  /// Where the slot begins in the journal.
  let slot: Int

  /// A run with windows of two tiles, killed when the second was saved.
  init() throws {
    bench = try InPlaceBench()
    try bench.reset(.apply)
    _ = try bench.run(.apply, stoppingAt: 8, with: SimulatedKill(), window: 2)
    let front = try bench.bench.folder.read("model.safetensors.errata-journal").prefix(24)
    slot = (56 + Int(number(front[8..<16])) + Int(number(front[16..<24])) + 4095) / 4096 * 4096
  }

  var journal: OpenFile { get throws { try OpenFile(bench.journalPath, .updating) } }

  @Test func `the kill came where these tests mean it to`() throws {
    // Steps: 0 checked, 1 journal, 2 window, 3–6 two tiles, 7 done; 8 is the second window saved.
    #expect(try journal.read(8, at: slot) == littleEndian(2, 8))
    let changed = zip(bench.base, try bench.model).lazy.filter { $0 != $1 }.count
    let all = zip(bench.base, bench.edited).lazy.filter { $0 != $1 }.count
    #expect(changed > all / 5 && changed < all / 2)
  }

  @Test(
    arguments: ["count", "numbers", "data", "header", "everything", "cut", "earlier data"], [false, true])
  func `a slot torn while it was written harms nothing`(fault: String, rollingBack: Bool) throws {
    let journal = try journal
    let noise = TestTensor.weights(.f64, 1 << 18, seed: 4)
    switch fault {
    case "count": try journal.write([UInt8](repeating: 255, count: 8), at: slot)
    case "numbers": try journal.write([UInt8](noise[..<4000]), at: slot + 8)
    case "data": try journal.write([UInt8](noise[..<3000]), at: slot + 4096 + 1000)
    case "header": try journal.write([UInt8](repeating: 0, count: 4096), at: slot)
    case "everything": try journal.write(noise, at: slot)
    case "cut":
      let whole = try bench.bench.folder.read("model.safetensors.errata-journal")
      try bench.bench.folder.write(Array(whole[..<(slot + 5000)]), to: "model.safetensors.errata-journal")
    default:
      // The data of the second window under the header of the first: its tiles are written already.
      try journal.write(
        littleEndian(0, 4) + littleEndian(0, 4) + littleEndian(0, 4) + littleEndian(1, 4), at: slot + 8)
    }
    #expect(try bench.recover(rollingBack: rollingBack).count == 1)
    #expect(try same(bench.model, rollingBack ? bench.base : bench.edited))
    #expect(!bench.hasJournal)
  }

  @Test func `a half-written tile whose saved bytes are lost is told and kept`() throws {
    try bench.reset(.apply)
    #expect(try bench.run(.apply, stoppingAt: 9, with: SimulatedKill(), window: 2))
    try journal.write([UInt8](repeating: 9, count: 100), at: slot + 4096)
    let before = try bench.model
    let error = #expect(throws: PatchError.self) { try bench.recover() }
    guard case .wrongBase("b", bench.modelPath, _, _, .other) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try same(bench.model, before))
    #expect(bench.hasJournal)
  }

  @Test(arguments: [0, 7, 8, 15, 16, 23, 24, 55, 56, 80, 120])
  func `a journal with a damaged note or length is one clear error`(position: Int) throws {
    let journal = try journal
    try journal.write([try journal.read(1, at: position)[0] ^ 0x40], at: position)
    try expectDamaged()
  }

  @Test(arguments: [0, 30, 60, 4000])
  func `a journal that was cut is one clear error`(length: Int) throws {
    let whole = try bench.bench.folder.read("model.safetensors.errata-journal")
    try bench.bench.folder.write(Array(whole[..<length]), to: "model.safetensors.errata-journal")
    try expectDamaged()
  }

  @Test func `a journal with a damaged patch in it is one clear error`() throws {
    let journal = try journal
    let noteCount = Int(number(try journal.read(8, at: 8)[...]))
    try journal.write([0], at: 56 + noteCount + 100)
    try expectDamaged()
  }

  @Test(arguments: [
    #"{"direction":"apply","model":"../model.safetensors","files":["model.safetensors"]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":["/etc/passwd"]}"#,
    #"{"direction":"apply","model":"","files":["model.safetensors"]}"#,
    #"{"direction":"sideways","model":"model.safetensors","files":["model.safetensors"]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":[]}"#,
    #"{"direction":"apply","model":"model.safetensors"}"#, "[]", "{",
  ])
  func `a sealed note that makes no sense is one clear error`(note: String) throws {
    let whole = try bench.bench.folder.read("model.safetensors.errata-journal")
    let old = Int(number(whole[8..<16]))
    let text = Array(note.utf8)
    try bench.bench.folder.write(
      Array(whole[..<8]) + littleEndian(UInt64(text.count), 8) + Array(whole[16..<24])
        + Digest(of: text).bytes + text
        + Array(whole[(56 + old)...]), to: "model.safetensors.errata-journal")
    try expectDamaged()
  }

  func expectDamaged() throws {
    let before = try bench.model
    let error = #expect(throws: PatchError.self) { try bench.recover() }
    #expect(error.map(caseName) == "damagedJournal")
    #expect(try same(bench.model, before))
    #expect(bench.hasJournal)
  }

  @Test func `the journal of another model is left alone`() throws {
    try bench.bench.write([TestTensor("x", .f32, [2, 2])], to: "other.safetensors")
    #expect(try PatchRun.recover(ModelFile(bench.bench.folder.path("other.safetensors")), threads: 1).isEmpty)
    #expect(bench.hasJournal)
  }
}

@Suite struct ShardedInPlaceTests {
  @Test func `a run killed between two files is recovered, asked about either`() throws {
    let bench = try Workbench()
    let tensors = [TestTensor("a", .f64, [257, 512], seed: 1), TestTensor("b", .f64, [300, 20], seed: 2)]
    let base = try bench.write(
      shards: [[tensors[0]], [tensors[1], TestTensor("c", .u8, [1], bytes: [7])]], to: "base")
    try bench.patch([TestEdit(tensor: "a"), TestEdit(tensor: "b")], of: base, to: "p.errata")
    try bench.run("p.errata", "base").write(.apply, to: bench.folder.path("edited"))
    let files = ["model-1.safetensors", "model-2.safetensors"]
    for asked in ["model", "model/model-1.safetensors", "model/model-2.safetensors"] {
      for rollingBack in [false, true] {
        try bench.copy("base", to: "model")
        let windows = Atomic<Int>(0)
        var run = try bench.run("p.errata", "model")
        run.windowTileCount = 2
        #expect(throws: SimulatedKill.self) {
          try run.changeInPlace(.apply, progress: { _ in }) { step in
            if step == .windowDone, windows.add(1, ordering: .relaxed).newValue == 1 { throw SimulatedKill() }
          }
        }
        #expect(try bench.folder.read("model/" + files[0]) == bench.folder.read("edited/" + files[0]))
        #expect(try bench.folder.read("model/" + files[1]) == bench.folder.read("base/" + files[1]))
        let recoveries = try PatchRun.recover(
          ModelFile(bench.folder.path(asked)), rollingBack: rollingBack, threads: 2)
        #expect(recoveries.count == 1)
        for file in files {
          #expect(
            try bench.folder.read("model/" + file)
              == bench.folder.read((rollingBack ? "base/" : "edited/") + file),
            "asked about \(asked)")
        }
        #expect(try Folder.names(in: bench.folder.path("model")) == files + ["model.safetensors.index.json"])
      }
    }
  }
}
