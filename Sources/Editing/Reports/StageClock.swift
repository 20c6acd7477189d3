internal import Floor

/// What the stages of an edit take. One is always running; a stage may have its turn several times.
struct StageClock {
  private(set) var phases: [PhaseCost] = []
  private var stage: String
  private var begin = ProcessUse.now()

  init(in stage: String) { self.stage = stage }

  /// Ends the running stage and begins another.
  mutating func enter(_ next: String) {
    let now = ProcessUse.now()
    phases.add(stage, from: begin, to: now)
    (stage, begin) = (next, now)
  }

  /// The same for a part of the work on one weight.
  mutating func enter(_ phase: EditRun.Phase) {
    // Collecting is what `solve` does with keys; `edit` runs the network for them.
    enter(phase == .collecting ? "keys" : phase.rawValue)
  }

  /// The stages so far, the running one up to now.
  mutating func all() -> [PhaseCost] {
    enter(stage)
    return phases
  }
}
