import Editing
import ModelFiles

extension WorkCost {
  /// "12.3 s on 4 threads, 40.1 s of processor time, at most 1.2 GB".
  var summary: String {
    "\(Numbers.significant(seconds, 3)) s on \(Numbers.count(threads, "thread")), "
      + "\(Numbers.significant(processorSeconds, 3)) s of processor time, at most \(Numbers.bytes(peakMemory))"
  }

  /// The sum, and a row for each phase.
  var text: String {
    var table = Table([("phase", .left), ("seconds", .right), ("processor", .right), ("memory", .right)])
    for phase in phases { table.add([Numbers.oneLine(phase.name)] + phase.cells) }
    return "made in: \(summary)\n" + table.text()
  }
}

extension PhaseCost {
  /// Seconds, processor seconds and memory for a table.
  var cells: [String] {
    [
      Numbers.significant(seconds, 3), Numbers.significant(processorSeconds, 3), Numbers.bytes(peakMemory),
    ]
  }
}
