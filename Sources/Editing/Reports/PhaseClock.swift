internal import Floor

/// Processor time of the whole process, phase by phase.
struct PhaseClock {
  private var seconds: [EditRun.Phase: Double] = [:]
  private var phase = EditRun.Phase.factorizing
  private var begin = ProcessUse.processorSeconds

  /// Ends the running phase and begins another.
  mutating func start(_ next: EditRun.Phase) {
    let now = ProcessUse.processorSeconds
    seconds[phase, default: 0] += now - begin
    (phase, begin) = (next, now)
  }

  /// Ends the last phase.
  mutating func finish() -> [EditRun.Phase: Double] {
    start(phase)
    return seconds
  }
}
