import Glibc
import ModelFiles
import TestSupport
import Testing

/// Refusals that need files made for them; the others are in `Fixtures/sessions`.
@Suite struct RefusalTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  let made: MadeModel

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    made = try MadeModel(
      [.init(name: "w", elementType: .f32, rows: 12, columns: 20)], name: "model", in: folder)
  }

  private func statistics(width: Int, tokens: Int64 = 100, _ element: (Int, Int) -> Double) throws -> String {
    let sum = (0..<width * width).map { element($0 / width, $0 % width) }
    try SafetensorsWriter.write(
      [
        NewTensor(name: "w.second_moment_sum", elementType: .f64, shape: [width, width], elements: sum),
        NewTensor(name: "w.token_count", elementType: .i64, shape: [1], elements: [tokens]),
      ], to: folder.path("statistics.safetensors"))
    return "statistics.safetensors"
  }

  private func keys(inputs: Int, outputs: Int, _ element: (Int, Int) -> Double) throws -> String {
    try SafetensorsWriter.write(
      [
        NewTensor(
          name: "w.keys", elementType: .f64, shape: [2, inputs],
          elements: (0..<2 * inputs).map { element($0 / inputs, $0 % inputs) }),
        NewTensor(
          name: "w.residuals", elementType: .f64, shape: [2, outputs],
          elements: (0..<2 * outputs).map { Double($0 + 1) }),
      ], to: folder.path("keys.safetensors"))
    return "keys.safetensors"
  }

  /// A solve that must fail for this reason, and leave no file.
  private func expectRefusal(
    _ name: String, _ keys: String, _ statistics: String, of file: String? = nil
  ) throws {
    let before = try FolderContent(folder.path)
    let result = try runner.errata(
      "solve", "model.safetensors", "--keys", keys, "--statistics", statistics, "-o", "out.errata", "--json",
      "--method", "emmet")
    #expect(result.status == 1)
    let error = try result.object()["error"]
    #expect(error?["name"] == .string(name))
    if let file { #expect(error?["where"]?.text?.contains(file) == true, "\(name) of no file") }
    #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
  }

  @Test func `statistics that do not fit`() throws {
    let keys = made.keysPath
    func identity(_ i: Int, _ j: Int) -> Double { i == j ? 100 : 0 }
    func refused(_ name: String, _ statistics: String) throws {
      try expectRefusal(name, keys, statistics, of: Folder.name(of: statistics))
    }
    try refused("widthsDiffer", try statistics(width: 19, identity))
    try refused("noTokens", try statistics(width: 20, tokens: 0, identity))
    try refused("nonFiniteSecondMoment", try statistics(width: 20) { $0 == $1 ? .nan : 0 })
    try refused("secondMomentNotSymmetric", try statistics(width: 20) { $0 <= $1 ? 50 : 0 })
    try refused("negativeSecondMoment", try statistics(width: 20) { $0 == $1 ? -1 : 0 })
    try expectRefusal(
      "statisticsDoNotFitKeys", keys, try statistics(width: 20) { $0 == $1 && $0 < 3 ? 100 : 0 })
  }

  @Test func `keys that do not fit`() throws {
    let statistics = try statistics(width: 20) { $0 == $1 ? 100 : 0 }
    func distinct(_ edit: Int, _ input: Int) -> Double { edit == input ? 1 : 0.1 }
    try expectRefusal("factorShape", try keys(inputs: 12, outputs: 20, distinct), statistics)
    try expectRefusal("factorShape", try keys(inputs: 20, outputs: 11, distinct), statistics)
    try expectRefusal("nonFiniteKey", try keys(inputs: 20, outputs: 12) { _, _ in .infinity }, statistics)
    try expectRefusal("zeroKey", try keys(inputs: 20, outputs: 12) { edit, _ in Double(edit) }, statistics)
    try expectRefusal("contradictingEdits", try keys(inputs: 20, outputs: 12) { _, _ in 1 }, statistics)
  }

  @Test func `a tensor that cannot be edited`() throws {
    for (type, shape, name) in [(ElementType.i64, [12, 20], "notEditable"), (.f32, [240], "notAMatrix")] {
      try SafetensorsWriter.write(
        [
          NewTensor(
            name: "w", elementType: type, shape: shape,
            elements: [UInt8](repeating: 0, count: 240 * type.bitCount / 8))
        ],
        to: made.path)
      let result = try runner.errata(
        "solve", "model.safetensors", "--keys", made.keysPath, "-o", "out.errata", "--no-second-moment",
        "--json")
      #expect(try result.object()["error"]?["name"] == .string(name))
      #expect(result.status == 1 && !Folder.occupied(folder.path("out.errata")))
    }
  }

  // Root may write whatever the modes of a folder say; /proc takes new files from nobody.
  @Test(.enabled(if: Folder.exists("/proc/self"), "needs /proc"))
  func `a place where nothing can be written`() throws {
    try made.solve("fix.errata", with: runner)
    for output in ["/proc/errata-test", "/proc/self/errata-test.safetensors"] {
      let result = try runner.errata("apply", "fix.errata", "model.safetensors", "-o", output, "--json")
      #expect(result.status == 1)
      #expect(try result.object()["error"]?["name"] == "system")
      #expect(result.errors.hasSuffix("Nothing was changed.\n"))
      #expect(!Folder.occupied(output))
    }
  }

  // As root there is no folder that refuses by its mode.
  @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
  func `a folder that may only be read`() throws {
    try made.solve("fix.errata", with: runner)
    let before = try FolderContent(folder.path)
    #expect(chmod(folder.path, 0o555) == 0)
    defer { chmod(folder.path, 0o755) }
    for way in [["-o", "out.safetensors"], ["--in-place"]] {
      let result = try runner.start(CommandRunner.errata, ["apply", "fix.errata", "model.safetensors"] + way)
        .wait()
      #expect(result.status == 1 && result.errors.contains("permission denied"))
    }
    #expect(try FolderContent(folder.path).changes(since: before).isEmpty)
  }
}
