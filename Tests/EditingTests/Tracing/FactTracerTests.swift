import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@testable import Editing

/// Causal tracing against what plain PyTorch makes of it, one whole forward pass for each restored place (`Fixtures/make/trace.py`).
@Suite struct FactTracerTests {
  private func note(_ tensors: ReferenceTensors, _ key: String) throws -> JSONValue {
    let text = try #require(tensors.file.metadata[0].first { $0.key == key }?.value)
    return try JSONValue(parsing: Array(text.utf8))
  }

  private func tracing(_ model: FixtureModel, _ settings: TraceSettings) throws -> Tracing {
    try Tracing(
      network: model.network, tokenizer: model.tokenizer, settings: settings,
      scaledBy: model.records.map(\.fact))
  }

  @Test(arguments: FixtureModel.names) func `effects are torch's, to 1e-4`(name: String) throws {
    let model = try FixtureModel(name)
    let tensors = try ReferenceTensors("\(name).trace.safetensors")
    var settings = TraceSettings()
    settings.window = try #require(try note(tensors, "window").integer)
    let tracing = try tracing(model, settings)
    let deviation = try tensors.matrix("deviation")[0, 0]
    #expect(abs(tracing.deviation - deviation) < 1e-6 * deviation)
    let chosen = try #require(try note(tensors, "facts").elements?.compactMap(\.integer))
    let (file, known) = try tracing.trace(chosen.map { model.records[$0].fact })
    #expect(file.facts.count == chosen.count && file.unknown.isEmpty && known == 0 && !chosen.isEmpty)
    for (index, fact) in file.facts.enumerated() {
      #expect(abs(fact.clean - (try tensors.matrix("clean")[index, 0])) < 1e-5)
      #expect(abs(fact.corrupted - (try tensors.matrix("corrupted")[index, 0])) < 1e-5)
      for kind in TraceKind.allCases {
        let wanted = try tensors.matrix("\(kind.rawValue)-\(index)")
        let found = try #require(fact.restored[kind])
        #expect(found.count == wanted.rows && found[0].count == wanted.columns)
        var largest = 0.0
        for row in 0..<wanted.rows {
          for layer in 0..<wanted.columns {
            largest = max(largest, abs(found[row][layer] - wanted[row, layer]))
          }
        }
        #expect(largest < 1e-4, "\(kind) of fact \(index)")
      }
    }
  }

  @Test func `what needs no computing is exact: the last state of the last token, and of others nothing`()
    throws
  {
    let model = try FixtureModel("tiny-llama")
    var settings = TraceSettings()
    (settings.samples, settings.kinds) = (2, [.hidden])
    let fact = try #require(try tracing(model, settings).trace([model.records[0].fact]).file.facts.first)
    let rows = try #require(fact.restored[.hidden])
    #expect(rows.last?.last == fact.clean)
    for row in rows.dropLast() { #expect(row.last == fact.corrupted) }
    #expect(fact.clean > fact.corrupted)
  }

  @Test func `a fact that the model does not know is counted, with what it says`() throws {
    let model = try FixtureModel("tiny-gpt2")
    let known = model.records[0].fact
    let unknown = Fact(
      identifier: "x", prompt: known.prompt, subject: known.subject, target: known.target,
      formerTarget: known.target)
    var settings = TraceSettings()
    (settings.samples, settings.kinds) = (1, [.hidden])
    let file = try tracing(model, settings).trace([unknown, known, unknown]).file
    #expect(file.facts.map(\.identifier) == [known.identifier] && file.unknown.map(\.identifier) == ["x"])
    #expect(file.unknown[0].said.contains(known.formerTarget!.prefix(3)))
    #expect(file.summary.factCount == 1 && file.summary.unknownCount == 1)
  }

  @Test func `a run goes on with what a file has, and refuses one of other settings`() throws {
    let folder = try TemporaryFolder()
    let model = try FixtureModel("tiny-gpt2")
    var settings = TraceSettings()
    (settings.samples, settings.kinds) = (1, [.mlp])
    let path = folder.path("trace.json")
    let facts = model.facts(2)
    let first = try tracing(model, settings).trace([facts[0]], to: path)
    let second = try tracing(model, settings).trace(facts, to: path)
    #expect(first.known == 0 && second.known == 1 && second.file.facts.count == 2)
    let bytes = try FileBytes.read(path)
    let third = try tracing(model, settings).trace([facts[1]], to: path)
    #expect(third.known == 1 && third.file.facts.map(\.name) == [second.file.facts[1].name])
    #expect(try FileBytes.read(path) == bytes)
    settings.seed = 1
    #expect {
      _ = try tracing(model, settings).trace(facts, to: path)
    } throws: { error in
      guard case .otherTrace(_, let difference)? = error as? EditError else { return false }
      return difference.key == "seed"
    }
  }

  @Test
  func `every token of a prompt behind the subject's first is of a class, and where classes meet of both`() {
    func classes(_ subject: Range<Int>, _ count: Int) -> [[TokenClass]] {
      (0..<count).map { token in
        TokenClass.allCases.filter { $0.tokens(of: subject, in: count).contains(token) }
      }
    }
    #expect(
      classes(1..<4, 8) == [
        [], [.subjectFirst], [.subjectMiddle], [.subjectLast], [.followingFirst], [.followingMiddle],
        [.followingMiddle], [.last],
      ])
    #expect(classes(0..<1, 2) == [[.subjectFirst, .subjectLast], [.followingFirst, .last]])
    #expect(classes(0..<2, 2) == [[.subjectFirst], [.subjectLast, .last]])
  }

  @Test func `layers are chosen side by side where feed-forwards bring most back, and never the last`() {
    func summary(_ effects: [Double]) -> TraceSummary {
      var fact = TracedFact(
        identifier: "", name: ["{}", "a", "b"], tokens: ["a"], subject: 0..<1, clean: 1, corrupted: 0.1)
      fact.restored[.mlp] = [effects.map { $0 + 0.1 }]
      return TraceSummary([fact], unknown: 0, layerCount: effects.count)
    }
    let rising = summary([0, 0.1, 0.4, 0.3, 0.2, 0.9])
    #expect(rising.choice(of: 2)?.layers == [2, 3] && rising.choice(of: 1)?.layers == [2])
    #expect(rising.choice(of: 3)?.peak == 2 && rising.choice(of: 6) == nil && rising.choice(of: 0) == nil)
    #expect(summary([0.5, 0.5, 0.1]).choice(of: 1)?.layers == [0])
    #expect(TraceSummary([], unknown: 3, layerCount: 4).choice(of: 1) == nil)
  }
}
