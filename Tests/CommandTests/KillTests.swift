import Glibc
import ModelFiles
import TestSupport
import Testing

/// Promise 4: whatever moment a run is cut off at, the next command on the model finds it whole or makes it so.
///
/// Each test works on 24 MB, nearly all of which changes.
@Suite(.serialized) struct KillTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  let model: String
  let base: [UInt8]
  let edited: [UInt8]
  /// How long an undisturbed run takes here, in microseconds.
  let duration: Int

  /// Made once; every test gets files of its own.
  private static let prepared = Result<PatchedModelFile, any Error> {
    let types: [ElementType] = [.bf16, .f32, .bf16, .f16]
    return try PatchedModelFile(
      types.enumerated().map {
        .init(name: "w\($0)", elementType: $1, rows: 1200, columns: $1 == .f32 ? 1250 : 2500)
      })
  }

  init() throws {
    let prepared = try Self.prepared.get()
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    model = try prepared.write(to: folder)
    base = prepared.base
    let start = KillTests.now()
    #expect(try runner.errata("apply", "fix.errata", model, "--in-place", "--quiet").status == 0)
    duration = KillTests.now() - start
    edited = try FileBytes.read(model)
    #expect(base != edited)
  }

  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec) * 1_000_000 + Int(time.tv_nsec) / 1000
  }

  private var journal: String { model + ".errata-journal" }

  /// Starts a run and kills it; `false` where it ended before.
  private func killRun(_ way: String, after delay: Int, sinceJournal: Bool) throws -> Bool {
    let run = try runner.start(CommandRunner.errata, [way, "fix.errata", model, "--in-place", "--quiet"])
    let start = KillTests.now()
    while sinceJournal, !Folder.occupied(journal), KillTests.now() - start < 10 * duration { usleep(200) }
    usleep(UInt32(delay))
    run.kill()
    let ended = try run.wait()
    #expect(ended.status == 0 || ended.status == 128 + 9)
    return Folder.occupied(journal)
  }

  @Test func `a model whose run was killed is looked at, not changed, and then completed`() throws {
    var way = "revert"
    // From one millisecond to beyond the end; and right after the journal appears and soon after that, until enough kills
    // have hit the writing.
    let delays = (0..<12).map { (delay: 1000 + $0 * duration / 9, sinceJournal: false) }
    let later = (0..<60).map { (delay: $0 % 8 * duration / 100, sinceJournal: true) }
    var cutOff = 0
    for (delay, sinceJournal) in delays + later where !sinceJournal || cutOff < 4 {
      let isLeft = try killRun(way, after: delay, sinceJournal: sinceJournal)
      // A journal whose run had written all tiles, and was killed before it took it away, asks for nothing.
      let isCutOff = try isLeft && FileBytes.read(journal).starts(with: "ERRATAJ1".utf8)
      if isCutOff { cutOff += 1 }
      let left = try FileBytes.read(model)

      let verified = try runner.errata("verify", "fix.errata", model, "--json")
      let seen = try verified.object()["state"]?.text
      #expect(verified.status == (seen == "partial" ? 2 : 0), "\(verified.errors)")
      #expect(seen == "base" ? left == base : seen == "edited" ? left == edited : isCutOff)
      #expect(verified.errors.contains("errata recover") == isLeft, "\(verified.errors)")
      #expect(verified.errors.contains("an interrupted") == isCutOff, "\(verified.errors)")
      #expect(try runner.errata("show", model, "--quiet").status == 0)
      #expect(try runner.errata("diff", model, model, "--quiet").status == (isCutOff ? 1 : 0))
      #expect(try FileBytes.read(model) == left)
      #expect(Folder.occupied(journal) == isLeft)

      // Half of them by name, half in passing, by the next run in place: then that run has nothing to do.
      if isCutOff, cutOff % 2 == 0 {
        let next = try runner.errata(way, "fix.errata", model, "--in-place")
        #expect(next.status == 1 && next.errors.contains("was found and completed"), "\(next.errors)")
        #expect(!next.errors.contains("Nothing was changed"))
      } else {
        #expect(try runner.errata("recover", model, "--quiet").status == 0)
      }
      let settled = try FileBytes.read(model)
      #expect(isCutOff ? settled == (way == "apply" ? edited : base) : settled == left)
      #expect(!Folder.occupied(journal))
      way = settled == base ? "apply" : "revert"
    }
    #expect(cutOff >= 4, "no kill hit a run between its journal and its end")
    if way == "revert" { #expect(try runner.errata("revert", "fix.errata", model, "--in-place").status == 0) }
    #expect(try FileBytes.read(model) == base)
    #expect(try Folder.names(in: folder.path) == ["fix.errata", "model.safetensors"])
  }

  @Test func `a run that was killed can be undone`() throws {
    var isCutOff = false
    for _ in 0..<20 where !isCutOff {
      isCutOff = try killRun("revert", after: 0, sinceJournal: true)
      if !isCutOff {
        #expect(try runner.errata("apply", "fix.errata", model, "--in-place", "--quiet").status == 0)
      }
    }
    #expect(isCutOff, "no kill hit a run between its journal and its end")
    let recovered = try runner.errata("recover", model, "--roll-back", "--json")
    #expect(recovered.status == 0)
    let undone = try #require(try recovered.object()["recovered"]?.elements?.first)
    #expect(undone["direction"] == "revert" && undone["completed"] == false)
    #expect(try FileBytes.read(model) == edited)
    #expect(!Folder.occupied(journal))
  }

  @Test func `of two runs at once one is refused`() throws {
    let arguments = ["revert", "fix.errata", model, "--in-place", "--json"]
    let runs = [
      try runner.start(CommandRunner.errata, arguments), try runner.start(CommandRunner.errata, arguments),
    ]
    let results = try runs.map { try $0.wait() }
    #expect(results.map(\.status).sorted() == [0, 1])
    let refusal = try #require(results.first { $0.status == 1 }).object()["error"]?["name"]?.text
    // Locked out, or so late that the work was done.
    #expect(refusal == "locked" || refusal == "wrongBase", "\(refusal ?? "no name")")
    #expect(try FileBytes.read(model) == base)
    #expect(try Folder.names(in: folder.path) == ["fix.errata", "model.safetensors"])
  }
}
