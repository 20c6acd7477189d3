internal import Glibc

/// Processor time of the whole process, phase by phase.
struct PhaseClock {
  private var seconds: [EditRun.Phase: Double] = [:]
  private var phase = EditRun.Phase.factorizing
  private var begin = PhaseClock.now()

  /// Ends the running phase and begins another.
  mutating func start(_ next: EditRun.Phase) {
    let now = PhaseClock.now()
    seconds[phase, default: 0] += now - begin
    (phase, begin) = (next, now)
  }

  /// Ends the last phase.
  mutating func finish() -> [EditRun.Phase: Double] {
    start(phase)
    return seconds
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
