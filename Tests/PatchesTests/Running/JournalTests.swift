import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Patches

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

  @Test func `a model that was renamed with its journal has an interrupted run`() throws {
    let names = ["renamed.safetensors", "renamed.safetensors.errata-journal"].map(bench.bench.folder.path)
    try Folder.rename(bench.modelPath, to: names[0])
    try Folder.rename(bench.journalPath, to: names[1])
    let torn = try bench.bench.folder.read("renamed.safetensors")
    let error = #expect(throws: PatchError.self) { try PatchRun.recover(ModelFile(names[0]), threads: 1) }
    guard case .damagedJournal(names[1], let detail) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(detail.hasPrefix("it is of model.safetensors; "))
    #expect(try same(bench.bench.folder.read("renamed.safetensors"), torn))
    #expect(try InterruptedRun.all(on: ModelFile(names[0])).count == 1)
    try Folder.rename(names[0], to: bench.modelPath)
    try Folder.rename(names[1], to: bench.journalPath)
    #expect(try bench.recover().count == 1)
    #expect(try same(bench.model, bench.edited))
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
