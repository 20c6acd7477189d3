import ModelFiles
import TestSupport
import Testing

/// Streams and limits that are not as usual.
@Suite struct SurroundingsTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  let model: String
  let base: [UInt8]

  /// 2 MB. Made once; every test gets files of its own.
  private static let prepared = Result<PatchedModelFile, any Error> {
    try PatchedModelFile(
      (0..<4).map { .init(name: "w\($0)", elementType: .bf16, rows: 512, columns: 500) })
  }

  init() throws {
    let prepared = try Self.prepared.get()
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    model = try prepared.write(to: folder)
    base = prepared.base
  }

  private var names: [String] { get throws { try Folder.names(in: folder.path) } }

  @Test(arguments: [
    "show model.safetensors", "show model.safetensors --json", "verify fix.errata model.safetensors",
    "--help",
  ])
  func `an answer that cannot be written is a failure, one that nobody reads is none`(command: String) throws
  {
    let full = try runner.shell("errata \(command) >/dev/full")
    #expect(full.status == 1)
    #expect(full.errors.contains("standard output") && full.errors.contains("the disk is full"))
    #expect(try runner.shell("errata \(command) | true").errors == "")
    let closed = try runner.shell("errata \(command) <&- >&- 2>&-")
    #expect(closed.status == 0)
  }

  @Test func `with closed streams nothing lands in a file`() throws {
    #expect(
      try runner.shell("errata apply fix.errata model.safetensors -o out.safetensors <&- >&- 2>&-").status
        == 0)
    let opened = try runner.errata("verify", "fix.errata", "out.safetensors")
    #expect(opened.output.hasPrefix("edited"))
    let done = try runner.shell(
      "errata apply fix.errata model.safetensors -o again.safetensors --json >/dev/full")
    #expect(done.status == 1)
    #expect(done.errors.contains("The work itself was done: again.safetensors was written."))
    #expect(
      try FileBytes.read(folder.path("again.safetensors")) == FileBytes.read(folder.path("out.safetensors")))
  }

  @Test(arguments: [4, 6, 9])
  func `too few descriptors are one clear error`(count: Int) throws {
    let result = try runner.shell("ulimit -n \(count); errata apply fix.errata model.safetensors --in-place")
    #expect(result.status == 1)
    #expect(result.errors.contains("ulimit -n") && result.errors.hasSuffix("Nothing was changed.\n"))
    #expect(try FileBytes.read(model) == base)
    #expect(try names == ["fix.errata", "model.safetensors"])
  }

  @Test func `too little address space for OpenBLAS is one clear error`() throws {
    let result = try runner.shell(
      "export OPENBLAS_NUM_THREADS=8; ulimit -v 500000; errata combine fix.errata fix.errata -o both.errata")
    #expect(result.status == 1)
    #expect(result.errors.contains("ulimit -v") && result.errors.hasSuffix("Nothing was changed.\n"))
    #expect(try names == ["fix.errata", "model.safetensors"])
  }

  @Test(arguments: [1, 64, 1000])
  func `a limit on the size of files is one clear error`(kilobytes: Int) throws {
    // The shell counts in blocks of 512 or 1024 bytes.
    for way in ["-o out.safetensors", "--in-place"] where kilobytes < 1000 || way != "--in-place" {
      let result = try runner.shell(
        "ulimit -f \(kilobytes); errata apply fix.errata model.safetensors \(way)")
      #expect(result.status == 1)
      #expect(
        result.errors.contains("larger than files may be")
          && result.errors.hasSuffix("Nothing was changed.\n"))
      #expect(!result.errors.contains(".errata-part"))
      #expect(try FileBytes.read(model) == base)
      #expect(try names == ["fix.errata", "model.safetensors"])
    }
  }

  @Test func `a name that is not UTF-8 is told, not guessed`() throws {
    let result = try runner.shell("errata show \"$(printf 'x\\377.safetensors')\"")
    #expect(result.status == 1)
    #expect(result.errors.contains("not UTF-8"))
  }
}
