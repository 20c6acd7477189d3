internal import Floor

/// What the parts of a piece of work take. One is always running; a part may have its turn several times.
struct WorkClock {
  private(set) var phases: [PhaseCost]
  private var part: String
  private var begin = ProcessUse.now()

  /// - Parameter phases: what was done before.
  init(in part: String, after phases: [PhaseCost] = []) {
    self.part = part
    self.phases = phases
  }

  /// Ends the running part and begins another.
  mutating func enter(_ next: String) {
    let now = ProcessUse.now()
    phases.add(part, from: begin, to: now)
    (part, begin) = (next, now)
  }

  /// The parts so far, the running one up to now.
  mutating func all() -> [PhaseCost] {
    enter(part)
    return phases
  }
}
