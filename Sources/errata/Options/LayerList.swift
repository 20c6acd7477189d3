import ArgumentParser
import ModelFiles

/// Layers as people write them: 3-8 or 3,5,8, or a file of traces that chooses them.
struct LayerList: ExpressibleByArgument {
  /// Empty where a trace says.
  let numbers: Set<Int>
  /// The file of traces.
  let trace: String?
  private static let traced = "traced:"

  init?(argument: String) {
    if argument.hasPrefix(Self.traced) {
      let path = String(argument.dropFirst(Self.traced.count))
      guard !path.isEmpty else { return nil }
      (numbers, trace) = ([], path)
      return
    }
    var numbers: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends[0], let last = ends.last ?? nil, first >= 0, first <= last,
        last < 10_000
      else { return nil }
      numbers.formUnion(first...last)
    }
    (self.numbers, trace) = (numbers, nil)
  }

  /// As a recipe has them; `nil` where a trace says.
  var json: JSONValue? { trace == nil ? .array(numbers.sorted().map { .integer($0) }) : nil }

  /// Refuses a trace where no recipe says how many layers are wanted.
  func requireNumbers() throws {
    if trace != nil { throw ValidationError("--layers takes numbers here, not \(Self.traced)FILE.") }
  }
}
