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
