import CLinux
import Glibc
import ModelFiles
import Synchronization

/// The end of a command in the middle of its work: by a signal, or by a mapped file that somebody cut short.
///
/// Temporary files go. A run in place is left as it stands: its journal holds what completes or undoes it.
enum Interruption {
  private static let work = Mutex<CommandWork?>(nil)

  /// What a command does when it is told to end by SIGTERM, as by a queue that takes its machine away.
  enum Ending: Sendable {
    /// It ends.
    case atOnce
    /// It ends, and the same command goes on from what is in this file already.
    case goesOn(from: String)
    /// It asks `isStopping`, saves what it has and ends.
    case saves
  }

  private static let ending = Mutex(Ending.atOnce)
  private static let stopping = Atomic(false)

  /// Says what the command that is running does when it is told to end.
  static func end(_ way: Ending) { ending.withLock { $0 = way } }

  /// Whether the command was told to end and is to save what it has.
  static var isStopping: Bool { stopping.load(ordering: .relaxed) }

  /// Notes what is being done, for the message.
  static func begin(_ doing: CommandWork?) { work.withLock { $0 = doing } }

  /// What is or was being done.
  static var current: CommandWork? { work.withLock { $0 } }

  /// Starts to watch for signals, on a thread of its own.
  static func watch() {
    // A limit on the size of files is an error of the write that goes beyond it, and a reader that went away is none.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    let pipe = linux_watch_signals()
    guard pipe >= 0 else { return }
    var thread = pthread_t()
    let descriptor = UnsafeMutableRawPointer(bitPattern: Int(pipe) + 1)
    pthread_create(&thread, nil, { Interruption.follow(Int32(Int(bitPattern: $0) - 1)) }, descriptor)
  }

  private static func follow(_ pipe: Int32) -> Never {
    var record = linux_signal()
    repeat {
      while read(pipe, &record, MemoryLayout<linux_signal>.size) != MemoryLayout<linux_signal>.size {
        if errno != EINTR { while true { pause() } }
      }
    } while isRequest(Int32(record.number))
    let (number, address) = (Int32(record.number), UInt(record.address))
    FilesUnderWay.abandon { journals in
      Console.takeOver()
      let work = work.withLock { $0 }
      guard number == SIGBUS else {
        let ended = InterruptedWork(
          signal: name(of: number), journals: journals, goesOn: number == SIGTERM ? continuation : nil)
        let failure = work?.failure(ended)
        failure?.print()
        _exit(ended.goesOn != nil ? failure?.status ?? 75 : 128 + number)
      }
      guard let path = MappedFile.path(mappedAt: address), let work else {
        // Not a file of ours: the crash that it is.
        signal(SIGBUS, SIG_DFL)
        kill(getpid(), SIGBUS)
        while true { pause() }
      }
      work.failure(ModelFileError(.cutWhileMapped, file: path)).print()
      _exit(1)
    }
  }

  /// Whether a signal asks work that saves itself to end.
  ///
  /// It may well come twice, from a queue to all processes of a job and from its script, which hands it on. Who will not wait has SIGINT.
  private static func isRequest(_ number: Int32) -> Bool {
    guard number == SIGTERM, case .saves = ending.withLock({ $0 }) else { return false }
    stopping.store(true, ordering: .relaxed)
    return true
  }

  /// The file from which the same command goes on, if it does.
  private static var continuation: String? {
    if case .goesOn(let file) = ending.withLock({ $0 }) { file } else { nil }
  }

  private static func name(of number: Int32) -> String {
    switch number {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    default: "signal \(number)"
    }
  }
}

/// A signal that ended a command.
struct InterruptedWork: Error {
  let signal: String
  /// Journals of runs that are cut off.
  let journals: [String]
  /// The file from which the same command goes on, if it does.
  var goesOn: String?
}

extension InterruptedWork {
  var explanation: ErrorReport.Explanation {
    if let goesOn, journals.isEmpty {
      return ErrorReport.Explanation(
        "interrupted", place: goesOn, why: "it was told to end (\(signal))",
        advice: "run the same command again: it goes on from there",
        change: "What there is so far is in \(goesOn).")
    }
    guard let journal = journals.first else {
      return ErrorReport.Explanation("interrupted", why: "it was interrupted by \(signal)")
    }
    return ErrorReport.Explanation(
      "interrupted", place: journal, why: "it was interrupted by \(signal)",
      advice: "`errata recover MODEL` completes the run, with --roll-back undoes it",
      change:
        "The model stands between two states; the journal holds what is needed to complete or undo the run.")
  }
}
