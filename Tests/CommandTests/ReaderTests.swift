import Glibc
import ModelFiles
import TestSupport
import Testing

/// The plain reader in `Python/errata/reader`, written from the specification alone, must make the bytes that errata makes.
@Suite struct ReaderTests {
  /// A Python with numpy and zstandard: that of `ERRATA_PYTHON`, else `python3`, if it has both.
  static let python: String? = {
    let name = getenv("ERRATA_PYTHON").map { String(cString: $0) } ?? "python3"
    let check = try? CommandRunner(in: "/").shell("'\(name)' -c 'import numpy, zstandard'")
    return check?.status == 0 ? name : nil
  }()

  /// The reader, for a line of shell.
  static func command() throws -> String {
    let folder = PackageFiles.path("Python")
    return "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='\(folder)' '\(try #require(python))' -m errata.reader"
  }

  @Test(.enabled(if: getenv("ERRATA_PYTHON") != nil, "ERRATA_PYTHON names no Python"))
  func `a Python that is named has what the reader needs`() {
    #expect(
      Self.python != nil, "ERRATA_PYTHON has no numpy or no zstandard, so the readers would not be compared")
  }

  /// All element types where the rounding is defined for them, both orientations, both types of factors.
  static let cases: [(orientation: String, options: [String], types: [ElementType])] = [
    ("output-major", [], [.f64, .f32, .f16, .bf16]),
    ("input-major", ["--factor-type", "f32"], [.f64, .f32, .f16, .bf16]),
    ("output-major", ["--rounding", "stochastic", "--seed", "1", "--factor-type", "f32"], [.f16, .bf16]),
    ("input-major", ["--rounding", "stochastic", "--seed", "18446744073709551615"], [.f16, .bf16]),
  ]

  // Where no such Python is found these tests are skipped: errata itself needs none.
  @Test(
    .enabled(if: python != nil, "needs python3, or the one of ERRATA_PYTHON, with numpy and zstandard"),
    arguments: cases.indices)
  func `the plain reader applies and reverts as errata does`(number: Int) throws {
    let (orientation, options, types) = Self.cases[number]
    let folder = try TemporaryFolder()
    let runner = CommandRunner(in: folder.path)
    // More than one tile and an odd end in 16 bits.
    let made = try MadeModel(
      types.map { .init(name: "w.\($0.rawValue)", elementType: $0, rows: 601, columns: 907) }, name: "model",
      isInputMajor: orientation == "input-major", in: folder)
    let solved = try runner.start(
      CommandRunner.errata,
      [
        "solve", made.path, "--keys", made.keysPath, "-o", "fix.errata", "--method", "emmet",
        "--no-second-moment",
      ]
        + ["--orientation", orientation, "--quiet"] + options
    ).wait()
    #expect(solved.status == 0, "\(solved.errors)")
    #expect(try runner.errata("apply", "fix.errata", made.path, "-o", "edited.safetensors").status == 0)

    let reader = try Self.command()
    let applied = try runner.shell(reader + " apply fix.errata model.safetensors read.safetensors")
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(try folder.read("read.safetensors") == folder.read("edited.safetensors"))
    let reverted = try runner.shell(reader + " revert fix.errata edited.safetensors back.safetensors")
    #expect(reverted.status == 0, "\(reverted.errors)")
    #expect(try folder.read("back.safetensors") == folder.read("model.safetensors"))
    #expect(try folder.read("edited.safetensors") != folder.read("model.safetensors"))
  }
}
