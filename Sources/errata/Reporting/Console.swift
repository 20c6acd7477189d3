import ArgumentParser
import CLinux
import Glibc
import Synchronization

/// Options that every command takes.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON object on standard output (Formats/output.md).")
  var json = false

  @Flag(help: "Print nothing but errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Say more.")
  var verbose = false

  /// A message for people, on standard error.
  func say(_ message: @autoclosure () -> String) {
    if !quiet { Console.error(message()) }
  }

  /// A result for people, on standard output.
  func answer(_ text: @autoclosure () throws -> String) rethrows {
    if !quiet && !json { Console.output(try text()) }
  }
}

/// Threads to use.
struct ThreadOptions: ParsableArguments {
  @Option(help: "Number of threads; by default the cores this process may use.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 || threads > 1024 {
      throw ValidationError("--threads takes a number from 1 to 1024.")
    }
  }

  /// The number asked for, or that of the usable cores.
  var count: Int { threads ?? ThreadOptions.usableCores }

  static var usableCores: Int {
    // One bit a core.
    var set = [UInt8](repeating: 0, count: 1024)
    guard sched_getaffinity(0, set.count, &set) >= 0 else { return 1 }
    return max(1, set.reduce(0) { $0 + $1.nonzeroBitCount })
  }
}

/// The two streams.
enum Console {
  static func output(_ text: String) {
    guard let code = write(harmless(text) + "\n", to: 1), code != EPIPE else { return }
    failure.withLock { $0 = $0 ?? code }
  }

  static func error(_ text: String) { write(harmless(text) + "\n", to: 2) }

  /// Names come from files: what would command a terminal is shown as a box.
  private static func harmless(_ text: String) -> String {
    func isCommand(_ scalar: UnicodeScalar) -> Bool {
      scalar.value < 0x20 && scalar != "\n" || (0x7F..<0xA0).contains(scalar.value)
    }
    guard text.unicodeScalars.contains(where: isCommand) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isCommand(scalar) ? "\u{FFFD}" : scalar) }
    return String(result)
  }

  /// Why the answer could not be written, if it could not. A reader that went away wanted no more of it.
  private static let failure = Mutex<Int32?>(nil)

  /// The status that the process ends with: an answer that got lost is a failure, and said.
  static func finish(_ status: Int32) -> Int32 {
    if isOver { while true { pause() } }
    guard let code = failure.withLock({ $0 }) else { return status }
    let standing = Interruption.current?.standing.map { "The work itself was done: \($0)." }
    error(
      """
      Error: cannot write the answer
        where: standard output
        why:   \(ErrorReport.systemReason(code, "write"))
        \(standing ?? "Nothing was changed.")
      """)
    return max(status, 1)
  }

  /// One thread writes at a time.
  private static let turn = Mutex(())
  /// The thread that ends the process in the middle of its work, 0 while none does.
  private static let ender = Atomic<UInt>(0)

  /// From here on this thread alone writes, and ends the process: nothing is said behind its last words. What is being written comes before
  /// them, unless its reader takes nothing more.
  static func takeOver() {
    ender.store(UInt(pthread_self()), ordering: .sequentiallyConsistent)
    var waits = 0
    while turn.withLockIfAvailable({ _ in }) == nil, waits < 100 {
      usleep(1000)
      waits += 1
    }
  }

  /// Whether another thread ends the process.
  private static var isOver: Bool {
    let thread = ender.load(ordering: .sequentiallyConsistent)
    return thread != 0 && thread != UInt(pthread_self())
  }

  /// Writes without a line end; for progress. Does not come back while another thread ends the process.
  ///
  /// - Returns: the error number if not all could be written.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32) -> Int32? {
    if ender.load(ordering: .sequentiallyConsistent) == UInt(pthread_self()) { return put(text, descriptor) }
    let code = turn.withLock { _ -> Int32?? in isOver ? .none : .some(put(text, descriptor)) }
    guard let code else { while true { pause() } }
    return code
  }

  private static func put(_ text: String, _ descriptor: Int32) -> Int32? {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return errno }
      bytes = bytes.dropFirst(max(count, 0))
    }
    return nil
  }

  /// Whether standard error is a terminal.
  static var isTerminal: Bool { isatty(2) == 1 }
}
