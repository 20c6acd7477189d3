internal import Glibc

/// What this process has used up to a moment.
public struct ProcessUse: Sendable {
  /// By the wall, from a moment of its own; only differences mean something.
  public let seconds: Double
  /// Of all threads together.
  public let processorSeconds: Double
  /// The most memory it has had since `forgetPeak`, or so far, in bytes: resident, pages of mapped files included.
  public let peakMemory: Int

  /// Up to now.
  public static func now() -> ProcessUse {
    ProcessUse(
      seconds: wallSeconds, processorSeconds: processorSeconds,
      peakMemory: highWaterMark() ?? maximumResidentSize())
  }

  /// Makes what the process has now the most that it has had, so that one piece of work is not charged with an earlier one's memory.
  /// Where the system does not do that (Linux does, see proc(5) on `clear_refs`), everything so far stays counted.
  public static func forgetPeak() {
    guard let file = fopen("/proc/self/clear_refs", "we") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// Seconds by the wall that only go forward, from a moment of their own.
  public static var wallSeconds: Double { time(CLOCK_MONOTONIC) }
  /// Processor seconds of all threads together.
  public static var processorSeconds: Double { time(CLOCK_PROCESS_CPUTIME_ID) }

  /// Puts together what was measured elsewhere.
  public init(seconds: Double, processorSeconds: Double, peakMemory: Int) {
    self.seconds = seconds
    self.processorSeconds = processorSeconds
    self.peakMemory = peakMemory
  }

  private static func time(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// VmHWM. `getrusage` will not do where this can be had: its maximum outlives `exec`, so a small command that a large program
  /// started would be charged with that program's size.
  private static func highWaterMark() -> Int? {
    guard let file = fopen("/proc/self/status", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
      if words.first == "VmHWM:", words.count > 1 { return Int(words[1]).map { $0 * 1024 } }
    }
    return nil
  }

  private static func maximumResidentSize() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
