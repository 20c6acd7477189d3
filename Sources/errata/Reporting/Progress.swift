import Floor
import Glibc
import Synchronization

/// A line that shows how far long work is, on a terminal only.
final class Progress: Sendable {
  private let label: String
  private let total: Int
  private let unit: Unit
  private let isVisible: Bool
  private let start = ProcessUse.wallSeconds
  private let state = Mutex((done: 0, shown: 0.0))

  /// What is counted.
  enum Unit {
    case bytes
    case facts
    case steps
  }

  init(_ label: String, total: Int, unit: Unit = .bytes, _ output: OutputOptions) {
    self.label = label
    self.unit = unit
    self.total = max(total, 1)
    isVisible = Console.isTerminal && !output.quiet
  }

  /// Counts what is done; from any thread.
  func advance(_ count: Int) {
    guard isVisible else { return }
    let now = ProcessUse.wallSeconds
    let line: String? = state.withLock { state in
      state.done += count
      // Ten times a second is enough for an eye; the first tenth shows nothing, so short work stays silent.
      guard now - max(state.shown, start) > 0.1 else { return nil }
      state.shown = now
      let rate = Double(state.done) / (now - start)
      let left = Double(total - state.done) / rate
      let width = 24
      let filled = min(width, width * state.done / total)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
      return "\r\u{1B}[K\(label) \(bar) \(Numbers.percent(Double(state.done) / Double(total)))"
        + "  \(words(for: rate))  \(Numbers.fixed(max(left, 0), 0)) s left"
    }
    if let line { Console.write(line, to: 2) }
  }

  private func words(for rate: Double) -> String {
    switch unit {
    case .bytes: "\(Numbers.bytes(Int(rate)))/s"
    case .facts: "\(Numbers.significant(rate, 2)) facts/s"
    case .steps: "\(Numbers.significant(rate, 2)) steps/s"
    }
  }

  /// Takes the line away.
  func finish() {
    guard isVisible, state.withLock({ $0.shown > 0 }) else { return }
    Console.write("\r\u{1B}[K", to: 2)
  }
}
