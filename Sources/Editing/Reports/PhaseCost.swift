public import Floor
public import ModelFiles

/// What one part of the work took.
public struct PhaseCost: Equatable, Sendable {
  /// Which part.
  public let name: String
  /// Seconds by the wall.
  public var seconds: Double
  /// Seconds of all processors together.
  public var processorSeconds: Double
  /// The most memory the process had had, in bytes, when the part ended; of several times the most.
  public var peakMemory: Int

  /// Joins the four.
  public init(name: String, seconds: Double, processorSeconds: Double, peakMemory: Int) {
    (self.name, self.seconds, self.processorSeconds) = (name, seconds, processorSeconds)
    self.peakMemory = peakMemory
  }
}

extension [PhaseCost] {
  /// Charges what was used between two moments to a part, which may have had its turn before.
  public mutating func add(_ name: String, from begin: ProcessUse, to end: ProcessUse) {
    let place = firstIndex { $0.name == name } ?? count
    if place == count {
      append(PhaseCost(name: name, seconds: 0, processorSeconds: 0, peakMemory: 0))
    }
    self[place].seconds += end.seconds - begin.seconds
    self[place].processorSeconds += end.processorSeconds - begin.processorSeconds
    self[place].peakMemory = Swift.max(self[place].peakMemory, end.peakMemory)
  }
}

/// What a whole piece of work took: `edit.cost` of a patch.
///
///     {"threads": 4, "phases": [{"name": "values", "seconds": …, "processorSeconds": …, "peakMemory": …}]}
public struct WorkCost: Equatable, Sendable {
  /// Threads that could be used.
  public let threads: Int
  /// The parts, in the order in which they first began.
  public let phases: [PhaseCost]

  /// Joins the two.
  public init(threads: Int, phases: [PhaseCost]) {
    self.threads = threads
    self.phases = phases
  }

  /// By the wall, all parts together.
  public var seconds: Double { phases.reduce(0) { $0 + $1.seconds } }
  /// Of all processors, all parts together.
  public var processorSeconds: Double { phases.reduce(0) { $0 + $1.processorSeconds } }
  /// The most memory over all parts, in bytes.
  public var peakMemory: Int { phases.map(\.peakMemory).max() ?? 0 }

  /// As manifests and `--json` carry it.
  public var json: JSONValue {
    [
      "threads": .integer(threads),
      "phases": .array(
        phases.map {
          [
            "name": .string($0.name), "seconds": .measured($0.seconds),
            "processorSeconds": .measured($0.processorSeconds), "peakMemory": .integer($0.peakMemory),
          ]
        }),
    ]
  }

  /// What a patch's `edit` object says; `nil` where it says nothing, or something else.
  public init?(ofEdit edit: JSONValue?) {
    guard let cost = edit?["cost"], let threads = cost["threads"]?.integer, threads > 0,
      let list = cost["phases"]?.elements
    else { return nil }
    let phases = list.compactMap { phase -> PhaseCost? in
      guard let name = phase["name"]?.text, let seconds = phase["seconds"]?.number,
        let processorSeconds = phase["processorSeconds"]?.number, let memory = phase["peakMemory"]?.integer,
        [seconds, processorSeconds, Double(memory)].allSatisfy({ $0.isFinite && $0 >= 0 })
      else { return nil }
      return PhaseCost(
        name: name, seconds: seconds, processorSeconds: processorSeconds, peakMemory: memory)
    }
    guard phases.count == list.count, !phases.isEmpty else { return nil }
    self.init(threads: threads, phases: phases)
  }
}
