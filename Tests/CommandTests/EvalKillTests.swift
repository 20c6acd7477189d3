import Glibc
import ModelFiles
import TestSupport
import Testing

/// A comparison that was killed and started again prints what an undisturbed one prints, but for seconds.
@Suite struct EvalKillTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  static let fixtures = PackageFiles.path("Fixtures")

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private func start(_ output: String) throws -> RunningCommand {
    try runner.start(
      CommandRunner.errata,
      [
        "eval", "\(Self.fixtures)/models/tiny-gpt2", "--data", "\(Self.fixtures)/world/facts.json", "--limit",
        "3", "--edit", "memit", "--batch", "1,3", "--sequential", "2", "--statistics",
        "\(Self.fixtures)/reference/tiny-gpt2.statistics.safetensors", "--contexts",
        "\(Self.fixtures)/world/contexts.json", "--threads", "1", "--json", "--quiet", "--output", output,
      ])
  }

  /// What is printed, without seconds and memory.
  private func telling(_ result: CommandResult) throws -> String {
    let object = try result.object()
    let runs = (object["runs"]?.elements ?? []).map { run -> JSONValue in
      .array([run["label"] ?? .null, run["measures"] ?? .null, run["counts"] ?? .null])
    }
    let rows = (object["comparison"]?.elements ?? []).map { row -> JSONValue in
      #expect(row["secondsPerEdit"]?.number ?? 0 > 0, "\(row.compactText)")
      return .object((row.members ?? []).filter { !["secondsPerEdit", "peakMemory"].contains($0.key) })
    }
    #expect(rows.count == 2 + 2)
    return JSONValue.array(runs + rows).compactText
  }

  @Test func `a comparison that was killed goes on`() throws {
    let result = try start("whole").wait()
    #expect(result.status == 0, "\(result.errors)")
    let whole = try telling(result)
    let lines = try folder.read("whole").count { $0 == 0x0A }
    var (kills, partial) = (0, 0)
    // Each attempt may come a little further than the one before it; the last is left alone.
    for attempt in 1...5 {
      let run = try start("killed")
      // Killed once so many lines are there, so that it happens in the middle on every machine.
      let wanted = attempt * lines / 6
      if attempt < 5 {
        while (try? folder.read("killed").count { $0 == 0x0A }) ?? 0 < wanted { usleep(2000) }
        run.kill()
      }
      let result = try run.wait()
      guard result.status != 0 else {
        #expect(try telling(result) == whole)
        break
      }
      kills += 1
      let count = try folder.read("killed").count { $0 == 0x0A }
      if count > 0, count < lines { partial += 1 }
    }
    #expect(kills > 0 && partial > 0)
    #expect(try folder.read("killed").count { $0 == 0x0A } == lines)
  }
}
