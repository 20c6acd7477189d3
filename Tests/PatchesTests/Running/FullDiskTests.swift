import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// A file system of a given size, which only root can make; it goes when the test lets go.
final class SmallDisk {
  let folder: TemporaryFolder

  init?(byteCount: Int) throws {
    folder = try TemporaryFolder()
    guard mount("tmpfs", folder.path, "tmpfs", 0, "size=\(byteCount)") == 0 else { return nil }
  }

  deinit { umount(folder.path) }

  /// Whether this process may mount at all.
  static let isAvailable = (try? SmallDisk(byteCount: 1 << 20)) != nil
}

@Suite(.enabled(if: SmallDisk.isAvailable, "a small file system can only be mounted by root"))
struct FullDiskTests {
  let bench: Workbench
  let base: [UInt8]
  let disk: SmallDisk

  /// A model of 2 MiB and its patch on a disk of 3.5 MiB: no room for a copy, nor for a journal.
  init() throws {
    bench = try Workbench()
    let model = try bench.write([TestTensor("w", .f64, [512, 512])], to: "base.safetensors")
    try bench.patch([TestEdit(tensor: "w")], of: model, to: "p.errata")
    base = try bench.folder.read("base.safetensors")
    disk = try #require(try SmallDisk(byteCount: 7 << 19))
    try disk.folder.write(base, to: "model.safetensors")
  }

  func run() throws -> PatchRun {
    try PatchRun(
      PatchFile(bench.folder.path("p.errata")), ModelFile(disk.folder.path("model.safetensors")), threads: 2)
  }

  func expectNoSpace(_ body: () throws -> Void) throws {
    let error = #expect(throws: ModelFileError.self) { try body() }
    guard case .system(_, ENOSPC) = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try disk.folder.read("model.safetensors") == base)
    #expect(try Folder.names(in: disk.folder.path) == ["model.safetensors"])
  }

  @Test func `a full disk gives no output file and leaves nothing`() throws {
    try expectNoSpace { try run().write(.apply, to: disk.folder.path("out.safetensors")) }
  }

  @Test func `a full disk gives no output folder and leaves nothing`() throws {
    let run = try PatchRun(PatchFile(bench.folder.path("p.errata")), ModelFile(disk.folder.path), threads: 1)
    try expectNoSpace { try run.write(.apply, to: disk.folder.path("out")) }
  }

  @Test func `a full disk keeps a run from starting in place`() throws {
    try expectNoSpace { try run().changeInPlace(.apply) }
  }

  @Test func `a full disk gives no patch and leaves nothing`() throws {
    try disk.folder.write([UInt8](repeating: 0, count: (3 << 19) - 8192), to: "filler")
    let model = try ModelFile(disk.folder.path("model.safetensors"))
    var isRefused = false
    do {
      let writer = try PatchWriter(disk.folder.path("p.errata"))
      // The factors alone take 8 KiB; the disk has less left than two of them.
      let edit = TestEdit(tensor: "w", rank: 40, factorType: .f32)
      try writer.append(
        edit.factors(outputWidth: 512, inputWidth: 512), to: model.tensor("w"), of: model,
        orientation: .outputMajor,
        options: LowRankOptions())
      try writer.finish(tool: "errata test", family: nil, edit: nil)
    } catch let error as ModelFileError {
      if case .system(_, ENOSPC) = error.reason { isRefused = true }
    }
    #expect(isRefused)
    #expect(try Folder.names(in: disk.folder.path) == ["filler", "model.safetensors"])
  }

  @Test func `with room for the journal the run goes through`() throws {
    let roomy = try #require(try SmallDisk(byteCount: 6 << 20))
    try roomy.folder.write(base, to: "model.safetensors")
    let patch = try PatchFile(bench.folder.path("p.errata"))
    for direction in [PatchRun.Direction.apply, .revert] {
      try PatchRun(patch, ModelFile(roomy.folder.path("model.safetensors")), threads: 2).changeInPlace(
        direction)
    }
    #expect(try roomy.folder.read("model.safetensors") == base)
  }
}
