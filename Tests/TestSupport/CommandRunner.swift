import Glibc
import ModelFiles

/// What a finished command left behind.
public struct CommandResult: Sendable {
  /// Exit status; for a command ended by a signal 128 plus its number, as a shell counts.
  public let status: Int
  /// Standard output.
  public let output: String
  /// Standard error.
  public let errors: String
}

/// Runs commands in a folder, as a user's shell would.
public struct CommandRunner: Sendable {
  /// The folder that the build put its products into: the test bundle is there, and `errata` beside it.
  public static let buildFolder: String = {
    guard let resolved = realpath("/proc/self/exe", nil) else {
      preconditionFailure("this process has no name")
    }
    defer { free(resolved) }
    var folder = Folder.containing(String(cString: resolved))
    // A bundle may be a folder; then the executable lies some steps above the tests.
    while folder != "/", !Folder.fileExists(Folder.path(folder, "errata")) {
      folder = Folder.containing(folder)
    }
    precondition(folder != "/", "no errata beside the tests; build it with `swift build --build-tests`")
    return folder
  }()

  /// The command under test.
  public static var errata: String { Folder.path(buildFolder, "errata") }

  /// Where commands run.
  public let folder: String

  /// Runs commands in this folder.
  public init(in folder: String) { self.folder = folder }

  /// Runs `errata` and waits for its end.
  public func errata(_ arguments: String...) throws -> CommandResult {
    try start(CommandRunner.errata, arguments).wait()
  }

  /// Runs a line of shell, with `errata` on the path and the package's fixtures in `$FIXTURES`.
  public func shell(_ line: String) throws -> CommandResult {
    try start("/bin/sh", ["-c", line]).wait()
  }

  /// Starts a program.
  public func start(_ program: String, _ arguments: [String]) throws -> RunningCommand {
    try RunningCommand(program, arguments, in: folder)
  }
}

/// A program that runs beside the test.
public final class RunningCommand {
  private let process: pid_t
  private let output: Int32
  private let errors: Int32

  /// What the tests add to their own environment: the help text must not depend on a terminal's width.
  private static let additions = [
    "COLUMNS=80", "LC_ALL=C.UTF-8", "FIXTURES=" + PackageFiles.path("Fixtures"),
    "PATH=\(CommandRunner.buildFolder):" + (getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"),
  ]

  fileprivate init(_ program: String, _ arguments: [String], in folder: String) throws {
    // Both streams go to nameless files, so that a full pipe can never stop the command.
    output = try RunningCommand.namelessFile()
    errors = try RunningCommand.namelessFile()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)

    let names = RunningCommand.additions.map { $0.prefix { $0 != "=" } + "=" }
    var environment = RunningCommand.additions
    var entry = environ
    while let text = entry.pointee {
      let inherited = String(cString: text)
      if !names.contains(where: inherited.hasPrefix) { environment.append(inherited) }
      entry += 1
    }
    // glibc hides its call for changing the folder from Swift; a shell does it and then becomes the program.
    let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder, program] + arguments
    // Who runs the tests may ignore signals, as a shell does for what it runs in the background, and a thread of Dispatch blocks them;
    // the command shall do neither.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var process = pid_t()
    let code = withStrings(words) { words in
      withStrings(environment) { posix_spawn(&process, "/bin/sh", &actions, &attributes, words, $0) }
    }
    self.process = process
    guard code == 0 else { throw ModelFileError(.system(call: "posix_spawn", code: code), file: program) }
  }

  deinit {
    close(output)
    close(errors)
  }

  /// Ends the command at once; it gets no chance to clean up.
  public func kill() { send(SIGKILL) }

  /// Sends the command a signal.
  public func send(_ signal: Int32) { Glibc.kill(process, signal) }

  /// Waits for the end.
  public func wait() throws -> CommandResult {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else {
        throw ModelFileError(.system(call: "waitpid", code: errno), file: "errata")
      }
    }
    let signal = status & 0x7f
    return CommandResult(
      status: signal == 0 ? Int(status >> 8 & 0xff) : 128 + Int(signal), output: RunningCommand.text(output),
      errors: RunningCommand.text(errors))
  }

  private static func namelessFile() throws -> Int32 {
    let path = "/tmp/errata-test-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ModelFileError(.system(call: "open", code: errno), file: path) }
    unlink(path)
    return descriptor
  }

  private static func text(_ descriptor: Int32) -> String {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    return String(unsafeUninitializedCapacity: size) { max(0, pread(descriptor, $0.baseAddress, size, 0)) }
  }
}

/// Lends words as C wants them: an array of strings with a null at its end.
private func withStrings<Result>(
  _ words: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let copies = words.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  return body(copies + [nil])
}
