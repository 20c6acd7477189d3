import ArgumentParser
import ModelFiles

/// Layers as people write them: 3-8 or 3,5,8.
struct LayerList: ExpressibleByArgument {
  let numbers: Set<Int>

  init?(argument: String) {
    var numbers: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends[0], let last = ends.last ?? nil, first >= 0, first <= last,
        last < 10_000
      else { return nil }
      numbers.formUnion(first...last)
    }
    self.numbers = numbers
  }

  /// As a recipe has them.
  var json: JSONValue { .array(numbers.sorted().map { .integer($0) }) }
}
