import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Patches

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

  /// Runs on a disk that goes wrong; what the run throws, if anything.
  func run(
    _ direction: PatchRun.Direction, on disk: FailingDisk, window: Int = 256, threads: Int = 1
  ) throws -> (any Error)? {
    var run = try bench.run("p.errata", "model.safetensors", threads: threads)
    run.windowTileCount = window
    run.disk = disk
    do { try run.changeInPlace(direction) } catch { return error }
    return nil
  }

  /// Leaves the model as a kill in the second of several windows does: two tiles are done, and `torn` says whether the third
  /// is half written.
  func kill(torn: Bool) throws {
    try reset(.apply)
    // Journal: front, patch, name, folder. First window: two tiles and a header saved, one wait, two tiles written, one wait.
    // Second: two tiles and a header saved, one wait.
    let disk = FailingDisk(torn ? .tears : .dies, at: 15)
    let error = try run(.apply, on: disk, window: 2)
    #expect((error as? InPlaceFailure)?.aftermath == .betweenStates(journal: journalPath))
    #expect(hasJournal)
  }

  /// Recovers on a disk that goes wrong; whether the recovery failed.
  func recover(on disk: FailingDisk, window: Int, rollingBack: Bool = false) throws -> Bool {
    do {
      _ = try PatchRun.recover(ModelFile(modelPath), rollingBack: rollingBack, threads: 1) { run in
        var run = run
        run.windowTileCount = window
        run.disk = disk
        return run
      }
      return false
    } catch is InPlaceFailure { return true }
  }

  @discardableResult
  func recover(rollingBack: Bool = false, threads: Int = 1) throws -> [PatchRun.Recovery] {
    try PatchRun.recover(ModelFile(modelPath), rollingBack: rollingBack, threads: threads)
  }
}

@Suite struct InPlaceTests {
  let bench: InPlaceBench

  init() throws { bench = try InPlaceBench() }

  @Test(
    arguments: [(PatchRun.Direction.apply, 256), (.apply, 1), (.revert, 2)], [FailingDisk.Way.dies, .tears])
  func `a run killed at any operation is completed or undone`(
    run: (direction: PatchRun.Direction, window: Int), way: FailingDisk.Way
  ) throws {
    let direction = run.direction
    let (start, goal) = (bench.goal(direction.opposite), bench.goal(direction))
    var mixtures = 0
    for stop in 0... {
      let rollingBack = stop % 2 == 1
      try bench.reset(direction)
      let disk = FailingDisk(way, at: stop)
      let error = try bench.run(direction, on: disk, window: run.window)
      let killed = try bench.model
      let isWhole = same(killed, start) || same(killed, goal)
      if !isWhole { mixtures += 1 }
      // What is between two states can be recovered, and is said.
      #expect(isWhole || (error as? InPlaceFailure)?.aftermath == .betweenStates(journal: bench.journalPath))
      #expect(error != nil || same(killed, goal))
      let recoveries = try bench.recover(rollingBack: rollingBack)
      let wanted = recoveries.isEmpty ? killed : rollingBack ? start : goal
      #expect(isWhole || !recoveries.isEmpty)
      #expect(recoveries.allSatisfy { $0.direction == direction && $0.isCompleted == !rollingBack })
      #expect(try same(bench.model, wanted), "operation \(stop), rolling back \(rollingBack)")
      #expect(!bench.hasJournal)
      #expect(try bench.recover().isEmpty)
      guard disk.isHit else { break }
    }
    // Six tiles: every write of one but the first, when it is whole, leaves a mixture behind.
    #expect(mixtures >= 5)
    #expect(try same(bench.model, goal))
    #expect(try bench.bench.names() == ["model.safetensors", "p.errata"])
  }

  @Test(arguments: [false, true], [FailingDisk.Way.dies, .tears])
  func `a recovery killed at any operation is recovered`(rollingBack: Bool, way: FailingDisk.Way) throws {
    for stop in 0... {
      try bench.kill(torn: true)
      let disk = FailingDisk(way, at: stop)
      let isKilled = try bench.recover(on: disk, window: 2, rollingBack: rollingBack)
      let isOpen = try !InterruptedRun.all(on: ModelFile(bench.modelPath)).isEmpty
      #expect(isKilled || !isOpen)
      // What the second attempt wants decides.
      let isUndone = isOpen && stop % 2 == 1 ? !rollingBack : rollingBack
      #expect(try bench.recover(rollingBack: isUndone).isEmpty == !isOpen)
      #expect(try same(bench.model, isUndone ? bench.base : bench.edited), "operation \(stop)")
      #expect(!bench.hasJournal)
      guard disk.isHit else { break }
    }
  }

  @Test(arguments: [12, 13, 15, 17])
  func `a run of four threads killed in the middle is recovered`(stop: Int) throws {
    for rollingBack in [false, true] {
      try bench.reset(.revert)
      #expect(try bench.run(.revert, on: FailingDisk(.tears, at: stop), threads: 4) is InPlaceFailure)
      try bench.recover(rollingBack: rollingBack, threads: 4)
      #expect(try same(bench.model, rollingBack ? bench.edited : bench.base))
    }
  }

  @Test(arguments: [(1, 2), (4, 256)])
  func `an error in the middle rolls back by itself`(threads: Int, window: Int) throws {
    for stop in 0... {
      try bench.reset(.apply)
      let disk = FailingDisk(.fails, at: stop)
      let error = try bench.run(.apply, on: disk, window: window, threads: threads)
      // An error while the journal is taken away is none of the run's: the model is edited.
      #expect(try same(bench.model, error == nil ? bench.edited : bench.base), "operation \(stop)")
      #expect(error is ModelFileError || error == nil)
      #expect(try InterruptedRun.all(on: ModelFile(bench.modelPath)).isEmpty)
      #expect(!bench.hasJournal || error == nil)
      guard disk.isHit else { break }
    }
  }

  @Test func `a journal that cannot be removed is closed, said, and taken away later`() throws {
    try bench.reset(.apply)
    let whole = FailingDisk(.dies, at: .max)
    #expect(try bench.run(.apply, on: whole) == nil)
    try bench.reset(.apply)
    let ledger = FileLedger()
    // The last operations: close, wait, remove, wait for the folder.
    let error = try ledger.record { try bench.run(.apply, on: FailingDisk(.fails, at: whole.count - 2)) }
    #expect(error == nil)
    #expect(ledger.warnings.map(\.kind) == [.journalStays])
    #expect(ledger.changed == [bench.modelPath])
    #expect(bench.hasJournal)
    // What is over is not done again: the next run goes its way.
    try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.revert)
    #expect(try same(bench.model, bench.base))
    #expect(!bench.hasJournal)
  }

  @Test func `a run beside an interrupted one is refused until that is recovered`() throws {
    try bench.kill(torn: false)
    let halfDone = try bench.model
    #expect(throws: PatchError.interruptedRun(journal: bench.journalPath, model: bench.modelPath)) {
      try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
    }
    #expect(try same(bench.model, halfDone))
    try bench.recover()
    #expect(try same(bench.model, bench.edited))
  }

  @Test func `two runs on one model exclude each other`() throws {
    try bench.kill(torn: true)
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

  @Test(arguments: [2, 3])
  func `a model with several names is not changed in place`(names: Int) throws {
    try bench.reset(.apply)
    for number in 1..<names {
      #expect(link(bench.modelPath, bench.bench.folder.path("twin-\(number).safetensors")) == 0)
    }
    #expect(throws: ModelFileError(.hardLinked(count: names), file: bench.modelPath)) {
      try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
    }
    #expect(try same(bench.model, bench.base))
    #expect(!bench.hasJournal)
  }

  @Test(arguments: ["blobs/5f3a", "snapshots/main/model.safetensors"])
  func `nothing in the hub's cache is changed in place`(name: String) throws {
    let hub = "hub/models--owner--name"
    for folder in ["hub", hub, hub + "/blobs", hub + "/snapshots", hub + "/snapshots/main"] {
      try Folder.create(bench.bench.folder.path(folder))
    }
    try bench.bench.folder.write(bench.base, to: hub + "/blobs/5f3a")
    try bench.bench.link(hub + "/snapshots/main/model.safetensors", to: "../../blobs/5f3a")
    let error = #expect(throws: ModelFileError.self) {
      try bench.bench.run("p.errata", hub + "/" + name).changeInPlace(.apply)
    }
    #expect(error?.reason == .inHubCache)
    #expect(try same(bench.bench.folder.read(hub + "/blobs/5f3a"), bench.base))
  }

  @Test func `a run and readers exclude each other, readers do not`() throws {
    try bench.reset(.apply)
    do {
      let readers = try (0..<2).map { _ in try ModelFile(bench.modelPath) }
      for reader in readers { try reader.lockForReading() }
      #expect(throws: ModelFileError(.locked, file: bench.modelPath)) {
        try bench.bench.run("p.errata", "model.safetensors").changeInPlace(.apply)
      }
      #expect(try same(bench.model, bench.base))
    }
    let writer = try OpenFile(bench.modelPath, .updating)
    try writer.lock(exclusively: true)
    #expect(throws: ModelFileError(.locked, file: bench.modelPath)) {
      try ModelFile(bench.modelPath).lockForReading()
    }
  }

  @Test func `a run of a patch that changes nothing writes nothing`() throws {
    let model = try bench.bench.write(
      [TestTensor("z", .f32, [3, 3], bytes: [UInt8](repeating: 1, count: 36))], to: "z.safetensors")
    try bench.bench.patch([TestEdit(tensor: "z", scale: 0)], of: model, to: "z.errata")
    let disk = FailingDisk(.dies, at: .max)
    var run = try bench.bench.run("z.errata", "z.safetensors")
    run.disk = disk
    try run.changeInPlace(.apply)
    #expect(disk.count == 0)
  }
}

@Suite struct JournalTests {
  let bench: InPlaceBench
  /// Where the slot begins in the journal.
  let slot: Int

  /// A run with windows of two tiles, killed when the second was saved.
  init() throws {
    bench = try InPlaceBench()
    try bench.kill(torn: false)
    let front = try bench.bench.folder.read("model.safetensors.errata-journal").prefix(24)
    slot = (56 + Int(number(front[8..<16])) + Int(number(front[16..<24])) + 4095) / 4096 * 4096
  }

  var journal: OpenFile { get throws { try OpenFile(bench.journalPath, .updating) } }

  @Test func `the kill came where these tests mean it to`() throws {
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
    try bench.kill(torn: true)
    try journal.write([UInt8](repeating: 9, count: 100), at: slot + 4096)
    let before = try bench.model
    try expectForeign("b")
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
    #"{"direction":"apply","model":"..","files":["model.safetensors"]}"#,
    #"{"direction":"apply","model":".","files":["model.safetensors"]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":["model.safetensors",".."]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":["model.safetensors","p.errata"]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":["model.safetensors"],"identity":[]}"#,
    #"{"direction":"sideways","model":"model.safetensors","files":["model.safetensors"]}"#,
    #"{"direction":"apply","model":"model.safetensors","files":[]}"#,
    #"{"direction":"apply","model":"model.safetensors"}"#, "[]", "{",
  ])
  func `a sealed note that makes no sense is one clear error`(note: String) throws {
    try seal(note)
    try expectDamaged()
  }

  /// Puts another note into the journal, with the right digest.
  private func seal(_ note: String) throws {
    let whole = try bench.bench.folder.read("model.safetensors.errata-journal")
    let old = Int(number(whole[8..<16]))
    let text = Array(note.utf8)
    let front =
      Array(whole[..<8]) + littleEndian(UInt64(text.count), 8) + Array(whole[16..<24])
      + Digest(of: text).bytes + text
      + Array(whole[(56 + old)..<slot])
    // The slot begins at a multiple of 4096 after a note of any length.
    let padded = front.prefix((56 + text.count + Int(number(whole[16..<24])) + 4095) / 4096 * 4096)
    let gap = [UInt8](repeating: 0, count: (padded.count + 4095) / 4096 * 4096 - padded.count)
    try bench.bench.folder.write(padded + gap + whole[slot...], to: "model.safetensors.errata-journal")
  }

  @Test func `a journal without the files' identity is settled on request only`() throws {
    try seal(#"{"direction":"apply","model":"model.safetensors","files":["model.safetensors"]}"#)
    #expect(throws: PatchError.journalOfOtherFiles(journal: bench.journalPath)) {
      try PatchRun.recover(ModelFile(bench.modelPath), sameFilesOnly: true, threads: 1)
    }
    #expect(try bench.recover().count == 1)
    #expect(try same(bench.model, bench.edited))
  }

  @Test(arguments: ["folder", "file"])
  func `a journal whose model is a link is one clear error`(kind: String) throws {
    try Folder.create(bench.bench.folder.path("elsewhere"))
    try bench.bench.folder.write(bench.model, to: "elsewhere/model.safetensors")
    try bench.bench.link("link", to: kind == "folder" ? "elsewhere" : "elsewhere/model.safetensors")
    let there = try bench.model
    try seal(#"{"direction":"apply","model":"link","files":["model.safetensors"]}"#)
    try expectDamaged()
    #expect(try same(bench.bench.folder.read("elsewhere/model.safetensors"), there))
  }

  @Test func `a journal that is a link is one clear error`() throws {
    try bench.bench.folder.write(bench.bench.folder.read("model.safetensors.errata-journal"), to: "kept")
    Folder.remove(bench.journalPath)
    try bench.bench.link("model.safetensors.errata-journal", to: "kept")
    try expectDamaged()
  }

  @Test(.enabled(if: getuid() == 0, "only root can give files away"))
  func `a journal that somebody else wrote is refused`() throws {
    #expect(chown(bench.journalPath, 1234, 1234) == 0)
    let before = try bench.model
    #expect(throws: PatchError.journalOfOtherOwner(journal: bench.journalPath, owner: 1234)) {
      try bench.recover()
    }
    #expect(try same(bench.model, before))
    // Who owns the model may have run on it.
    #expect(chown(bench.modelPath, 1234, 1234) == 0)
    #expect(try bench.recover().count == 1)
  }

  @Test(arguments: ["noise", "shifted", "one byte", "smaller", "other type"])
  func `what stands there now and is not the run's is not written over`(content: String) throws {
    var bytes = try bench.model
    switch content {
    case "noise":
      bytes.replaceSubrange(4000..<(4000 + 1 << 20), with: TestTensor.weights(.f64, 1 << 17, seed: 9))
    case "shifted": bytes = Array(bytes[..<1000]) + Array(bytes[1008...]) + Array(bytes[..<8])
    case "one byte": bytes[bytes.count - 3000] ^= 1
    case "smaller":
      let other = try bench.bench.write(
        ["a", "b", "c"].map { TestTensor($0, .f64, [4, 4]) }, to: "small.safetensors")
      bytes = try bench.bench.folder.read(Folder.name(of: other.path))
    default:
      try bench.bench.write(
        [
          TestTensor("a", .f32, [257, 512]), TestTensor("b", .f32, [257, 1024]),
          TestTensor("c", .f64, [260, 512]),
        ], to: "types.safetensors")
      bytes = try bench.bench.folder.read("types.safetensors")
    }
    try bench.bench.folder.write(bytes, to: "model.safetensors")
    for rollingBack in [false, true] {
      let error = #expect(throws: PatchError.self) { try bench.recover(rollingBack: rollingBack) }
      guard case .foreignTile(bench.journalPath, bench.modelPath, _, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    #expect(try same(bench.model, bytes))
    // And there is a way on.
    let run = try #require(try InterruptedRun.all(on: ModelFile(bench.modelPath)).first)
    try run.discard()
    #expect(!bench.hasJournal)
    #expect(try same(bench.model, bytes))
  }

  @Test func `a run on a copy is settled on request, not in passing`() throws {
    try bench.bench.folder.write(bench.model, to: "copy")
    try Folder.rename(bench.bench.folder.path("copy"), to: bench.modelPath)
    #expect(throws: PatchError.journalOfOtherFiles(journal: bench.journalPath)) {
      try PatchRun.recover(ModelFile(bench.modelPath), sameFilesOnly: true, threads: 1)
    }
    #expect(try bench.recover().count == 1)
    #expect(try same(bench.model, bench.edited))
  }

  @Test func `looking for a run changes nothing, not even with a folder that cannot be listed`() throws {
    let before = try (bench.model, bench.bench.folder.read("model.safetensors.errata-journal"))
    let runs = try InterruptedRun.all(on: ModelFile(bench.modelPath))
    #expect(runs.map(\.direction) == [.apply])
    #expect(try runs.map(\.patch) == [PatchFile(bench.bench.folder.path("p.errata")).digest])
    #expect(try runs[0].explains(bench.bench.run("p.errata", "model.safetensors")) == false)
    #expect(try same(bench.model, before.0))
    #expect(try same(bench.bench.folder.read("model.safetensors.errata-journal"), before.1))
    try bench.kill(torn: true)
    let torn = try #require(try InterruptedRun.all(on: ModelFile(bench.modelPath)).first)
    #expect(try torn.explains(bench.bench.run("p.errata", "model.safetensors")))
  }

  @Test(arguments: [230, 241, 255])
  func `a model of a long name has a journal`(length: Int) throws {
    let name = String(repeating: "m", count: length)
    try bench.bench.folder.write(bench.base, to: name)
    var run = try bench.bench.run("p.errata", name)
    run.disk = FailingDisk(.dies, at: 9)
    #expect(throws: InPlaceFailure.self) { try run.changeInPlace(.apply) }
    #expect(try PatchRun.recover(ModelFile(bench.bench.folder.path(name)), threads: 1).count == 1)
    #expect(try same(bench.bench.folder.read(name), bench.edited))
  }

  func expectDamaged() throws {
    let before = try bench.model
    let error = #expect(throws: PatchError.self) { try bench.recover() }
    #expect(error.map(caseName) == "damagedJournal")
    #expect(try same(bench.model, before))
    #expect(bench.hasJournal)
  }

  private func expectForeign(_ tensor: String) throws {
    let error = #expect(throws: PatchError.self) { try bench.recover() }
    guard case .foreignTile(bench.journalPath, bench.modelPath, tensor, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
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
        var run = try bench.run("p.errata", "model")
        run.windowTileCount = 2
        // The journal, and one window of two tiles.
        run.disk = FailingDisk(.dies, at: 4 + 4 + 2 + 2)
        #expect(throws: InPlaceFailure.self) { try run.changeInPlace(.apply) }
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
