import Glibc
import ModelFiles
import TestSupport
import Testing

/// Work in parts, as launchers start it.
@Suite(.serialized) struct ShardTests {
  let folder: TemporaryFolder
  let runner: CommandRunner

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private static let stats =
    "errata stats $FIXTURES/models/tiny-gpt2 --layers 1 --corpus text --threads 1 --quiet"

  private func writeText(_ lines: Int) throws {
    let corpus = try FileBytes.read(PackageFiles.path("Fixtures/world/corpus.txt")).split(separator: 0x0A)
    try folder.write(Array(corpus.prefix(lines).joined(separator: [0x0A])), to: "text")
  }

  @Test func `parts of an array are merged, those of too few are not`() throws {
    try writeText(30)
    let array = "SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=3"
    for task in 1...3 {
      let part = try runner.shell(
        "\(array) SLURM_ARRAY_TASK_ID=\(task) \(Self.stats) --shard auto -o 'part-{shard}.stats'")
      #expect(part.status == 0, "\(part.errors)")
    }
    let names = (1...3).map { "part-\($0)-of-3.stats" }
    #expect(try Folder.names(in: folder.path) == names + ["text"])
    let missing = try runner.shell("errata stats merge part-[13]* -o all.stats")
    #expect(missing.status == 1 && missing.errors.contains("of its 3 parts 2 is missing"))
    let twice = try runner.shell("cp part-1* copy; errata stats merge part-* copy -o all.stats")
    #expect(twice.status == 1 && twice.errors.contains("it would count twice"))
    #expect(try runner.shell("errata stats merge 'part-*.stats' -o all.stats").status == 0)
    let clash = try runner.shell("\(array) SLURM_ARRAY_TASK_ID=1 \(Self.stats) --shard auto -o one.stats")
    #expect(clash.status == 64 && clash.errors.contains("{shard}"))
  }

  @Test func `told to end, statistics are saved, and go on to the same bytes`() throws {
    try writeText(160)
    #expect(try runner.shell("\(Self.stats) -o whole").status == 0)
    var stops = 0
    for _ in 0..<40 {
      let run = try runner.start("/bin/sh", ["-c", "exec \(Self.stats) -o out"])
      usleep(UInt32(120_000))
      run.send(SIGTERM)
      let result = try run.wait()
      if result.status == 0 { break }
      // Before the work has begun, a signal ends the command as any other.
      guard result.status == 75 else {
        #expect(result.status == 128 + Int(SIGTERM))
        continue
      }
      stops += 1
      #expect(result.errors.contains("What there is so far is in out: "))
    }
    #expect(stops > 0)
    #expect(try runner.shell("\(Self.stats) -o out").status == 0)
    #expect(try folder.read("out") == folder.read("whole"))
  }
}
