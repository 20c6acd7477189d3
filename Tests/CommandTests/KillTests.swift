import Glibc
import ModelFiles
import TestSupport
import Testing

/// Promise 4: whatever moment a run is cut off at, the next command on the model finds it whole or makes it so.
///
/// Each test works on 41 MB, nearly all of which changes.
@Suite(.serialized) struct KillTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  let model: String
  let base: [UInt8]
  let edited: [UInt8]
  /// How long an undisturbed run takes here, in microseconds.
  let duration: Int

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    let types: [ElementType] = [.bf16, .f32, .bf16, .f16]
    let made = try MadeModel(
      types.enumerated().map {
        .init(name: "w\($0)", elementType: $1, rows: 2048, columns: $1 == .f32 ? 1250 : 2500)
      },
      name: "model", in: folder)
    model = made.path
    try made.solve("fix.errata", with: runner)
    Folder.remove(made.keysPath)
    base = try FileBytes.read(model)
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

  @Test func `a model whose run was killed is base or edited, and reverts to the original bytes`() throws {
    var way = "revert"
    // From one millisecond to beyond the end; and, so that some kills surely hit the writing, right after the journal
    // appears and soon after that.
    let delays = (0..<12).map { (delay: 1000 + $0 * duration / 9, sinceJournal: false) }
    let later = [0, 20, 40, 70].map { (delay: $0 * duration / 100, sinceJournal: true) }
    var cutOff = 0
    for (delay, sinceJournal) in delays + later {
      let run = try runner.start(CommandRunner.errata, [way, "fix.errata", model, "--in-place", "--quiet"])
      let start = KillTests.now()
      while sinceJournal, !Folder.occupied(journal), KillTests.now() - start < 10 * duration { usleep(200) }
      usleep(UInt32(delay))
      run.kill()
      let ended = try run.wait()
      #expect(ended.status == 0 || ended.status == 128 + 9)
      if Folder.occupied(journal) { cutOff += 1 }

      let verified = try runner.errata("verify", "fix.errata", model, "--json")
      let now = try FileBytes.read(model)
      let state = try verified.object()["state"]?.text
      #expect(verified.status == 0)
      #expect(
        state == "base" ? now == base : now == edited,
        "after \(way) and \(delay) µs the model is \(state ?? "?")")
      #expect(!Folder.occupied(journal))
      way = state == "base" ? "apply" : "revert"
    }
    // Said, not demanded: where a kill lands is the machine's business.
    if cutOff == 0 { Issue.record("no kill hit a run between its journal and its end", severity: .warning) }
    if way == "revert" { #expect(try runner.errata("revert", "fix.errata", model, "--in-place").status == 0) }
    #expect(try FileBytes.read(model) == base)
  }

  @Test func `a run that was killed can be undone`() throws {
    let run = try runner.start(
      CommandRunner.errata, ["revert", "fix.errata", model, "--in-place", "--quiet"])
    let start = KillTests.now()
    while !Folder.occupied(journal), KillTests.now() - start < 10 * duration { usleep(200) }
    run.kill()
    _ = try run.wait()
    let recovered = try runner.errata("recover", model, "--roll-back", "--json")
    #expect(recovered.status == 0)
    if let undone = try recovered.object()["recovered"]?.elements?.first {
      #expect(undone["direction"] == "revert" && undone["completed"] == false)
      #expect(try FileBytes.read(model) == edited)
    }
    #expect(!Folder.occupied(journal))
  }

  @Test func `of two runs at once one is refused`() throws {
    let arguments = ["revert", "fix.errata", model, "--in-place", "--json"]
    let runs = [
      try runner.start(CommandRunner.errata, arguments), try runner.start(CommandRunner.errata, arguments),
    ]
    let watcher = try runner.start(CommandRunner.errata, ["verify", "fix.errata", model, "--quiet"])
    let results = try runs.map { try $0.wait() }
    #expect(results.map(\.status).sorted() == [0, 1])
    let refusal = try #require(results.first { $0.status == 1 }).object()["error"]?["name"]?.text
    // Locked out, or so late that the work was done.
    #expect(refusal == "locked" || refusal == "wrongBase", "\(refusal ?? "no name")")
    #expect([0, 1, 2].contains(try watcher.wait().status))
    #expect(try FileBytes.read(model) == base)
    #expect(try Folder.names(in: folder.path) == ["fix.errata", "model.safetensors"])
  }
}
