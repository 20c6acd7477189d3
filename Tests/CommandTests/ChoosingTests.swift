import ModelFiles
import TestSupport
import Testing

/// What says which method to take, `eval --weights`, and which recipe, `tune`: the text, the page and the object tell one thing.
@Suite struct ChoosingTests {
  let folder: TemporaryFolder
  let runner: CommandRunner
  static let fixtures = PackageFiles.path("Fixtures")
  static let model = fixtures + "/models/tiny-gpt2"
  static let facts = fixtures + "/world/facts.json"
  static let statistics = fixtures + "/reference/tiny-gpt2.statistics.safetensors"
  static let contexts = fixtures + "/world/contexts.json"

  init() throws {
    folder = try TemporaryFolder()
    runner = CommandRunner(in: folder.path)
    try folder.write(Array(#"{"steps": 6, "layers": [1]}"#.utf8), to: "short.json")
  }

  private func rank(_ weights: String, limit: Int, _ more: String = "") throws -> CommandResult {
    try runner.shell(
      "errata eval '\(Self.model)' --data '\(Self.facts)' --limit \(limit) --edit memit,ultraedit --batch 2 --recipe short.json --layers 1 --statistics '\(Self.statistics)' --contexts '\(Self.contexts)' --weights \(weights) \(more)"
    )
  }

  @Test func `text, page and object rank alike`() throws {
    let weights = "reliability=3,locality=1"
    let asked = try rank(weights, limit: 4, "--output answers.jsonl --report page.html --json --quiet")
    #expect(asked.status == 0, "\(asked.errors)")
    let rankings = try #require(try asked.object()["ranking"]?.elements)
    #expect(rankings.count == 1 && rankings[0]["edits"] == 2)
    #expect(rankings[0]["weights"]?["reliability"] == 3 && rankings[0]["weights"]?["locality"] == 1)
    let places = try #require(rankings[0]["places"]?.elements)
    var shares = 0.0
    var last = Double.infinity
    for place in places {
      let score = try #require(place["score"]?.number)
      let values = try #require(place["values"])
      let mean = try (3 * #require(values["reliability"]?.number) + #require(values["locality"]?.number)) / 4
      #expect(abs(score - mean) < 1e-4 && score <= last)
      let ends = try #require(place["interval"]?.elements).compactMap(\.number)
      #expect(ends.count == 2 && ends[0] <= ends[1])
      shares += try #require(place["firstShare"]?.number)
      last = score
    }
    let names = Set(places.compactMap { $0["method"]?.text })
    #expect(names.isSuperset(of: ["memit", "ultraedit"]))
    #expect(abs(shares - 1) < 1e-4)
    let best = try #require(places.first?["method"]?.text)

    // The answers are all there: the same by the file of weights, as text.
    try folder.write(Array(#"{"reliability": 3, "locality": 1}"#.utf8), to: "weights.json")
    let text = try rank("weights.json", limit: 4, "--output answers.jsonl")
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.output.contains("Take \(best): "), "\(text.output)")
    #expect(text.output.contains(" by reliability 3.00, locality 1.00."), "\(text.output)")
    #expect(text.output.contains("it gains ") && text.output.contains(" and costs "))

    let page = String(decoding: try folder.read("page.html"), as: UTF8.self)
    let section = try #require(page.ranges(of: "Which to take").first)
    let rest = page[section.upperBound...]
    #expect(rest.contains("Take \(best): ") && rest.contains("<title>\(best) from "))
    // A strip for each criterion, with the mark of its share, and a row for each method.
    #expect(rest.ranges(of: "<line class=\"line plain\"").count == 2)
    for place in places { #expect(rest.contains("<th scope=\"row\">\(place["method"]!.text!)</th>")) }
  }

  @Test func `one record says nothing of how sure it is`() throws {
    let one = try rank("reliability=1", limit: 1)
    #expect(one.status == 0, "\(one.errors)")
    #expect(one.output.contains("One record says nothing of how sure that is."), "\(one.output)")
  }

  @Test func `a tuned recipe is what its report says, and edits`() throws {
    let tuned = try runner.errata(
      "tune", Self.model, "--facts", Self.facts, "--limit", "4", "--statistics", Self.statistics,
      "--contexts", Self.contexts, "--recipe", "short.json", "--layers", "1", "--budget", "20", "--json",
      "--verbose", "-o", "recipe.json")
    #expect(tuned.status == 0, "\(tuned.errors)")
    let object = try tuned.object()
    let recipe = try JSONValue(parsing: folder.read("recipe.json"))
    #expect(object["recipe"] == recipe && recipe["method"] == "memit")
    #expect(recipe["source"]?.text?.hasPrefix("tuned on ") == true)
    #expect(object["searched"]?.integer == 3 && object["heldOut"]?.integer == 1)
    let trials = try #require(object["trials"]?.elements)
    #expect(trials.count > 3 && trials[0]["setting"] == .null)
    let scores = trials.compactMap { $0["score"]?.number }
    let (before, after) = (try #require(object["before"]?.number), try #require(object["after"]?.number))
    #expect(before == scores[0] && after == scores.max() && after >= before)
    // Each trial is told as it comes.
    #expect(tuned.errors.contains("the recipe to begin with: "))
    let lines = tuned.errors.split(separator: "\n")
    #expect(lines.count { $0.contains(" in ") && $0.hasSuffix(" s") } == trials.count)
    let edited = try runner.errata(
      "edit", Self.model, "--facts", Self.facts, "--limit", "2", "--statistics", Self.statistics,
      "--contexts", Self.contexts, "--recipe", "recipe.json", "-o", "fix.errata")
    #expect(edited.status == 0, "\(edited.errors)")
  }
}
