import Glibc
import ModelFiles
import TestSupport
import Testing

/// Ends in the middle that leave time for a word.
@Suite(.serialized) struct InterruptionTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  let model: String
  let base: [UInt8]

  /// Made once; every test gets files of its own.
  private static let prepared = Result<PatchedModelFile, any Error> {
    try PatchedModelFile(
      (0..<4).map { .init(name: "w\($0)", elementType: .bf16, rows: 2048, columns: 2500) })
  }

  init() throws {
    let prepared = try Self.prepared.get()
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    model = try prepared.write(to: folder)
    base = prepared.base
  }

  private var names: [String] { get throws { try Folder.names(in: folder.path) } }

  /// Waits until a file is there, at most ten seconds.
  private func waitFor(_ name: String) {
    var waits = 0
    while !Folder.occupied(folder.path(name)), waits < 50_000 {
      usleep(200)
      waits += 1
    }
  }

  /// Starts a run, waits until its file of this name stands, and sends a signal; `nil` when it ended before.
  private func interrupt(_ arguments: [String], when name: String, by signal: Int32) throws -> CommandResult?
  {
    for _ in 0..<20 {
      let run = try runner.start(CommandRunner.errata, arguments)
      waitFor(name)
      run.send(signal)
      let result = try run.wait()
      if result.status != 0 { return result }
      if arguments.contains("--in-place") { try folder.write(base, to: "model.safetensors") }
      Folder.remove(folder.path("out.safetensors"))
    }
    return nil
  }

  @Test(arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")])
  func `a signal during -o leaves nothing behind`(signal: Int32, name: String) throws {
    let arguments = ["apply", "fix.errata", model, "-o", "out.safetensors"]
    let start = ContinuousClock.now
    #expect(try runner.start(CommandRunner.errata, arguments).wait().status == 0)
    let duration = ContinuousClock.now - start
    Folder.remove(folder.path("out.safetensors"))
    // At any moment of a run, until enough of them came while the command was at work.
    var hits = 0
    for attempt in 0..<200 where hits < 4 {
      let run = try runner.start(CommandRunner.errata, arguments)
      usleep(UInt32(duration / .microseconds(1)) / 16 * UInt32(1 + attempt * 5 % 16))
      run.send(signal)
      let result = try run.wait()
      let isDone = result.status == 0
      #expect(isDone || result.status == 128 + Int(signal))
      if result.errors.contains("interrupted by \(name)") {
        hits += 1
        // One that comes when the output has its name already changes nothing any more, and the output stays.
        let stays = Folder.occupied(folder.path("out.safetensors"))
        #expect(result.errors.hasSuffix(stays ? "out.safetensors was written.\n" : "Nothing was changed.\n"))
        #expect(try names == ["fix.errata", "model.safetensors"] + (stays ? ["out.safetensors"] : []))
      }
      Folder.remove(folder.path("out.safetensors"))
    }
    #expect(hits == 4, "hardly a signal came while the command was at work")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `a signal during a run in place leaves it recoverable, and says so`(signal: Int32) throws {
    let result = try #require(
      try interrupt(
        ["apply", "fix.errata", model, "--in-place"], when: "model.safetensors.errata-journal", by: signal))
    #expect(result.status == 128 + Int(signal))
    #expect(result.errors.contains("errata recover") && !result.errors.contains("Nothing was changed"))
    #expect(try names == ["fix.errata", "model.safetensors", "model.safetensors.errata-journal"])
    #expect(try runner.errata("recover", model, "--roll-back", "--quiet").status == 0)
    #expect(try FileBytes.read(model) == base)
    #expect(try names == ["fix.errata", "model.safetensors"])
  }

  @Test func `what a killed run left is named, and removed`() throws {
    let run = try runner.start(CommandRunner.errata, ["apply", "fix.errata", model, "-o", "out.safetensors"])
    waitFor(".out.safetensors.errata-part")
    run.kill()
    _ = try run.wait()
    try #require(try names.contains(".out.safetensors.errata-part"))
    #expect(try runner.errata("show", ".").errors.contains(".out.safetensors.errata-part"))
    #expect(try runner.errata("recover", "out.safetensors").status == 0)
    #expect(try names == ["fix.errata", "model.safetensors"])
  }

  @Test func `a journal of a run that is over is named, and removed`() throws {
    let name = "model.safetensors.errata-journal"
    _ = try #require(try interrupt(["apply", "fix.errata", model, "--in-place"], when: name, by: SIGTERM))
    // Cut off between its last two calls: closed, and not yet taken away.
    var journal = try FileBytes.read(folder.path(name))
    #expect(try runner.errata("recover", model, "--quiet").status == 0)
    let result = try FileBytes.read(model)
    journal[7] = UInt8(ascii: "0")
    try folder.write(journal, to: name)
    for command in [["show", model], ["verify", "fix.errata", model]] {
      let looked = try runner.start(CommandRunner.errata, command).wait()
      #expect(looked.status == 0 && looked.errors.contains("\(name) is left of a run that is over"))
    }
    #expect(try names == ["fix.errata", "model.safetensors", name])
    #expect(try runner.errata("recover", "--roll-back", model).errors.contains("its run is over"))
    #expect(try FileBytes.read(model) == result)
    #expect(try names == ["fix.errata", "model.safetensors"])
  }

  @Test func `private models give private results and journals`() throws {
    chmod(model, 0o600)
    #expect(
      try runner.shell("umask 000; errata apply fix.errata model.safetensors -o out.safetensors").status == 0)
    #expect(Folder.permissions(of: folder.path("out.safetensors")) == 0o600)
    let result = try interrupt(
      ["apply", "fix.errata", model, "--in-place"], when: "model.safetensors.errata-journal", by: SIGTERM)
    if result != nil { #expect(Folder.permissions(of: model + ".errata-journal") == 0o600) }
  }
}
