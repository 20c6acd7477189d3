import ModelFiles
import Testing

@testable import Patches

/// What a patch of several says about their edits.
@Suite struct CombinedEditTests {
  private func combined(_ texts: String...) throws -> String? {
    try CombinedEdit(texts.map { try JSONValue(parsing: Array($0.utf8)) }).json?.compactText
  }

  @Test func `what all have in common stays, facts follow each other`() throws {
    let text = try combined(
      #"{"method":"memit","recipe":{"ridge":1},"contexts":["{}"],"cost":{"x":1},"facts":[{"id":"1","column":0},{"id":"2","column":1}]}"#,
      #"{"method":"memit","recipe":{"ridge":1},"contexts":["{}"],"heldText":{},"facts":[{"id":"9","column":0},{"id":"8","column":0}]}"#
    )
    #expect(
      text
        == #"{"method":"memit","recipe":{"ridge":1},"contexts":["{}"],"facts":[{"id":"1","column":0},{"id":"2","column":1},{"id":"9","column":2},{"id":"8","column":2}]}"#
    )
  }

  @Test func `recipes that differ stay true of their facts, and of parts of parts`() throws {
    let two = try #require(
      try combined(
        #"{"method":"memit","recipe":{"clamp":4},"facts":[{"id":"1"}]}"#,
        #"{"method":"memit","recipe":{"clamp":2},"facts":[{"id":"1"},{"id":"1-2"}]}"#))
    #expect(
      two
        == #"{"method":"memit","parts":[{"recipe":{"clamp":4}},{"recipe":{"clamp":2}}],"facts":[{"id":"1","part":0},{"id":"1-2","part":1},{"id":"1-2-2","part":1}]}"#
    )
    let three = try combined(two, #"{"method":"rome","recipe":{"clamp":2},"facts":[{"id":"x"}]}"#)
    #expect(
      three
        == #"{"parts":[{"method":"memit","recipe":{"clamp":4}},{"method":"memit","recipe":{"clamp":2}},{"method":"rome","recipe":{"clamp":2}}],"facts":[{"id":"1","part":0},{"id":"1-2","part":1},{"id":"1-2-2","part":1},{"id":"x","part":2}]}"#
    )
  }

  @Test func `columns are given to all where one has them, and strange ones are no matter`() throws {
    let text = try combined(
      #"{"facts":[{"a":1},{"a":2}]}"#, #"{"facts":[{"column":1},{"column":-5},{"part":77}]}"#)
    #expect(
      text
        == #"{"facts":[{"a":1,"column":0},{"a":2,"column":1},{"column":3},{"column":3},{"column":4}]}"#)
    #expect(CombinedEdit([]).json == nil)
    #expect(try combined("{}", #"{"facts":7}"#) == #"{"facts":[]}"#)
  }
}
