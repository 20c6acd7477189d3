internal import Glibc

/// Processor seconds of an edit's stages, in order.
struct StageClock {
  private(set) var seconds: [(phase: String, seconds: Double)] = []
  private var begin = StageClock.now()

  /// Ends a stage; the next begins.
  mutating func end(_ stage: String) {
    let now = StageClock.now()
    seconds.append((stage, now - begin))
    begin = now
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
