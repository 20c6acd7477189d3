import ModelFiles
import TestSupport
import Testing

/// What `Design/trust.md` promises bit for bit: across threads for every command here, across the kernels of OpenBLAS too for those
/// whose results others must be able to compute again.
@Suite struct DeterminismTests {
  let folder: TemporaryFolder
  let runner: CommandRunner

  /// Kernels that every x86-64 processor can run; elsewhere the names mean nothing, and the same ones run.
  static let surroundings = [("Prescott", 1), ("Core2", 3), ("", 1), ("", 3)]

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    try run("cp -r $FIXTURES/models/tiny-llama model")
    try run(
      "errata solve model --keys $FIXTURES/reference/tiny-llama.one-fact.keys.safetensors --no-second-moment -o a.errata --quiet"
    )
    try run("errata apply a.errata model -o edited --quiet")
    try run(
      "errata solve edited --keys $FIXTURES/reference/tiny-llama.ten-facts.keys.safetensors --no-second-moment -o b.errata --quiet"
    )
  }

  private func run(_ line: String) throws {
    let result = try runner.shell(line)
    #expect(result.status == 0, "\(line): \(result.errors)")
  }

  /// Runs a command that writes `out`, in every surrounding; how many different results there are.
  private func results(_ command: String, kernels: Bool) throws -> Int {
    var found: Set<[String]> = []
    for (kernel, threads) in Self.surroundings where kernels || kernel.isEmpty {
      let setting = kernel.isEmpty ? "" : "OPENBLAS_CORETYPE=\(kernel) "
      try run(
        "rm -rf out undo && \(setting)errata \(command) --quiet\(command.hasPrefix("export") ? "" : " --threads \(threads)")"
      )
      let sums = try runner.shell("find out -type f | sort | xargs sha256sum")
      found.insert(sums.output.split(separator: "\n").map(String.init))
    }
    return found.count
  }

  @Test(arguments: [
    "apply a.errata model -o out", "revert a.errata edited -o out",
    "combine a.errata b.errata --model model -o out", "export a.errata --as peft -o out",
    "export a.errata --as gguf-adapter -o out",
    "apply a.errata $FIXTURES/models/tiny-llama-q8_0.gguf --port --undo undo -o out",
  ]) func `the same bytes with every kernel and number of threads`(command: String) throws {
    #expect(try results(command, kernels: true) == 1)
  }

  @Test(arguments: [
    "solve model --keys $FIXTURES/reference/tiny-llama.ten-facts.keys.safetensors --no-second-moment -o out",
    "diff model edited -o out",
    "stats model --corpus text.txt --layers 1 -o out",
    "edit model --facts $FIXTURES/world/facts.json --limit 1 --method t-patcher --corpus text.txt --steps 8 -o out",
  ]) func `the same bytes with every number of threads`(command: String) throws {
    try run("head -20 $FIXTURES/world/corpus.txt >text.txt")
    #expect(try results(command, kernels: false) == 1)
  }
}
