import ModelFiles
import TestSupport
import Testing

/// The pages of `eval --report` and `show --report`: what is in them, and that they hold together. How they look, on the screen and
/// on paper, was looked at.
@Suite struct EvalPageTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  static let fixtures = PackageFiles.path("Fixtures")

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
  }

  private func page() throws -> String {
    let model = "\(Self.fixtures)/models/tiny-gpt2"
    let facts = "\(Self.fixtures)/world/facts.json"
    let statistics = "\(Self.fixtures)/reference/tiny-gpt2.statistics.safetensors"
    let contexts = "\(Self.fixtures)/world/contexts.json"
    let edit = try runner.errata(
      "edit", model, "--facts", facts, "--limit", "2", "--contexts", contexts, "--statistics", statistics,
      "--second-moment-weight", "100", "--record-cost", "--quiet", "-o", "<fix> & co.errata")
    #expect(edit.status == 0, "\(edit.errors)")
    // The third fact is not in the patch.
    let eval = try runner.errata(
      "eval", model, "--data", facts, "--limit", "3", "--patch", "<fix> & co.errata", "--edit", "memit",
      "--batch", "1,3", "--contexts", contexts, "--statistics", statistics, "--report", "page.html", "--quiet"
    )
    #expect(eval.status == 0, "\(eval.errors)")
    return String(decoding: try folder.read("page.html"), as: UTF8.self)
  }

  @Test func `the page holds together and says what patches record`() throws {
    let page = try page()
    expectTagsClosed(page)
    #expect(page.contains("&lt;fix&gt; &amp; co.errata") && !page.contains("<fix>"))
    #expect(page.contains("What it took") && page.contains("in the patch") && page.contains("factorizing"))
    let shown = try runner.errata("show", "<fix> & co.errata", "--report", "patch.html", "--quiet")
    #expect(shown.status == 0, "\(shown.errors)")
    let patch = String(decoding: try folder.read("patch.html"), as: UTF8.self)
    expectTagsClosed(patch)
    #expect(patch.contains("errata apply '&lt;fix&gt; &amp; co.errata' MODEL -o EDITED"))
    #expect(patch.split(separator: "<td class=\"fact\">").count == 1 + 2 && patch.contains("neighbors kept"))
    #expect(!patch.contains("http") && !patch.contains("<script"))
  }

  private func expectTagsClosed(_ page: String) {
    for tag in [
      "section", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "span", "svg", "p", "dl",
    ] {
      let opened = page.split(separator: "<\(tag)").count - 1 - (tag == "p" ? other(page) : 0)
      let closed = page.ranges(of: "</\(tag)>").count
      // "<th" is also the beginning of "<thead".
      #expect((tag == "th" ? opened - page.ranges(of: "<thead").count : opened) == closed, "\(tag)")
    }
  }

  /// Tags that begin with a p and are none.
  private func other(_ page: String) -> Int {
    page.ranges(of: "<polyline").count + page.ranges(of: "<pre").count
  }

  @Test func `on paper facts that failed or cost answers stand open`() throws {
    let page = try page()
    let facts = page.split(separator: "<details class=\"fact")
    // Three runs of three facts.
    #expect(facts.count == 1 + 9)
    let quiet = facts.dropFirst().prefix(3).map { $0.hasPrefix(" quiet") }
    #expect(quiet == [false, true, true], "the fact that was not edited comes first")
    #expect(page.contains("details:not(.quiet)::details-content"))
  }
}
