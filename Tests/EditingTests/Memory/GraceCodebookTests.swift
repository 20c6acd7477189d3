import Testing

@testable import Editing

@Suite struct GraceCodebookTests {
  /// The six edits of a line: key and label.
  private static let edits: [(Float, String)] = [
    (0, "A"), (1.6, "A"), (5, "B"), (1.2, "B"), (0.5, "A"), (5, "C"),
  ]

  private func book(released: Bool) -> (GraceCodebook, [GraceCodebook.Outcome]) {
    var book = GraceCodebook(radius: 1, isReleased: released)
    // A prompt is known by its place here: 5 is edited twice.
    let outcomes = Self.edits.map { book.add([$0], label: $1, prompt: "\($0)") }
    return (book, outcomes)
  }

  private func said(_ book: GraceCodebook, at query: Float) -> String? {
    book.hit([query]).map { book.entries[$0].label }
  }

  @Test func `as released, radii and answers are those of the reference`() {
    let (book, outcomes) = book(released: true)
    #expect(outcomes == [.added, .replaced(0), .added, .added, .replaced(0), .added])
    #expect(book.entries.map(\.key) == [[0], [5], [1.2], [5]])
    let radii: [Float] = [0.59999, -1e-5, 0.6, 0]
    for (entry, radius) in zip(book.entries, radii) { #expect(abs(entry.radius - radius) < 1e-6) }
    #expect(said(book, at: 0) == "A" && said(book, at: 0.61) == "B")
    // Edited to A, and B's: the widened key split later.
    #expect(said(book, at: 1.6) == "B")
    #expect(said(book, at: 1.81) == nil)
    // The nearest of two at one place has a radius below zero: both answers are lost.
    #expect(said(book, at: 5) == nil)
  }

  @Test func `a prompt that is edited again says the later answer, and each prompt its own`() {
    let (book, outcomes) = book(released: false)
    #expect(outcomes.last == .replaced(2))
    #expect(book.entries.map(\.label) == ["A", "A", "C", "B", "A"])
    for (key, label) in [(0, "A"), (1.6, "A"), (1.2, "B"), (0.5, "A"), (5, "C")] as [(Float, String)] {
      #expect(said(book, at: key) == label)
    }
    #expect(said(book, at: 9) == nil)
  }

  @Test func `an empty book hits nothing`() {
    #expect(GraceCodebook(radius: 1).hit([0]) == nil)
  }
}
