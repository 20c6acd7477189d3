import Editing
import Evaluation
import Glibc
import Transformer

extension EvalPage {
  /// Facts that are listed for a run; those that did not take, or cost something, come first.
  private static let factLimit = 300

  /// Every fact, before and after, to be opened for its prompts.
  var facts: String? {
    guard let base = report.runs.first, report.runs.count > 1 else { return nil }
    let rest = report.runs.dropFirst()
    let blocks = rest.enumerated().map { index, run in
      let order = run.answers.indices.sorted { first, second in
        let (a, b) = (badness(run, base, first), badness(run, base, second))
        return a == b ? first < second : a > b
      }
      let items = order.prefix(Self.factLimit).map { item(run.answers[$0], base.answers[$0]) }
      let more =
        order.count > Self.factLimit
        ? "<p class=\"note\">and \(order.count - Self.factLimit) more facts</p>" : ""
      let taken = run.answers.count { $0.probes[0].pairTaken }
      let lost = run.answers.indices.reduce(0) { $0 + losses(run.answers[$1], base.answers[$1]) }
      return """
        <details class="run"\(index == 0 ? " open" : "")><summary><b>\(Self.escaped(run.label))</b> \
        <span class="sub">\(taken) of \(run.answers.count) taken, \(Numbers.count(lost, "answer")) lost</span></summary>
        <div class="facthead"><span></span><span>p(target) ○ before ● after</span><span>lost</span></div>
        \(items.joined(separator: "\n"))\(more)</details>
        """
    }
    return Self.section(
      "Fact by fact",
      "Facts that did not take or that cost other answers come first. <span class=\"screen\">Open one to see its prompts;</span>"
        + "<span class=\"paper\">On paper only these show their prompts;</span> a lost answer is one that the unedited model gave "
        + "otherwise where it was to stay.",
      blocks.joined(separator: "\n"))
  }

  private func badness(_ run: EvaluatedRun, _ base: EvaluatedRun, _ index: Int) -> Int {
    (run.answers[index].probes[0].pairTaken ? 0 : 1000) + losses(run.answers[index], base.answers[index])
  }

  /// Answers of a record that were to stay and did not.
  private func losses(_ after: RecordAnswers, _ before: RecordAnswers) -> Int {
    zip(after.probes, before.probes).count { Self.isLost($0, $1) }
  }

  private static func isLost(_ after: ProbeAnswer, _ before: ProbeAnswer) -> Bool {
    let staying: [Probe.Kind] = [
      .neighborhood, .otherRelation, .distractingNeighbor, .forgetfulness, .locality,
    ]
    let isAsBefore = after.said.isEmpty ? after.isSpoken(as: before) ?? true : after.said == before.said
    return staying.contains(after.probe.kind) && (!isAsBefore || !after.isNumber)
  }

  private func item(_ after: RecordAnswers, _ before: RecordAnswers) -> String {
    let (own, earlier) = (after.probes[0], before.probes[0])
    let lost = losses(after, before)
    let rows = zip(after.probes, before.probes).map { row($0, $1) }
    let badge = lost > 0 ? "<span class=\"badge bad\">\(lost)</span>" : "<span class=\"badge\">0</span>"
    let sample =
      after.sample.map { "<p class=\"sample\">\(Self.escaped(String($0.prefix(600))))</p>" } ?? ""
    // On paper what is closed cannot be opened: facts that went well are a line each, the others show everything.
    let isQuiet = own.pairTaken && lost == 0
    return """
      <details class="fact\(isQuiet ? " quiet" : "")"><summary><span class="what">\(Self.escaped(own.probe.prompt)) \
      <b class="\(own.pairTaken ? "good" : "bad")">\(Self.escaped(own.probe.answer ?? ""))</b>\
      <span class="sub">\(own.probe.rival.map { " not " + Self.escaped($0) } ?? "")</span></span>\
      \(Self.change(earlier.probability, own.probability))\(badge)</summary>
      <div class="scroll"><table class="probes"><thead><tr><th>kind</th><th>prompt</th><th>answer</th><th>before</th><th>after</th><th>now says</th></tr></thead>
      <tbody>\(rows.joined())</tbody></table></div>\(sample)</details>
      """
  }

  private func row(_ after: ProbeAnswer, _ before: ProbeAnswer) -> String {
    let isLost = Self.isLost(after, before)
    func percent(_ value: Double?) -> String { value.map { Numbers.fixed($0 * 100, 1) } ?? "–" }
    return
      "<tr\(isLost ? " class=\"lost\"" : "")><td>\(after.probe.kind.title)</td><td class=\"prompt\">\(Self.escaped(after.probe.prompt))</td>"
      + "<td>\(Self.escaped(after.probe.answer ?? "–"))</td><td>\(percent(before.probability))</td><td>\(percent(after.probability))</td>"
      + "<td>\(Self.escaped(said(after)))</td></tr>"
  }

  /// The most probable tokens in the answer's places, or, where no answer was put in its mouth, what the model says.
  private func said(_ answer: ProbeAnswer) -> String {
    if answer.said.isEmpty, let text = answer.continuation { return String(text.drop(while: \.isWhitespace)) }
    let text = report.series.tokenizer.decode(answer.said.map { Int($0) })
    return String(text.drop { $0 == " " })
  }
}

extension ProbeAnswer {
  /// Whether the target is now more probable than the former one; where none is known, whether the model says it.
  fileprivate var pairTaken: Bool {
    guard let own = probability, let rival = rivalProbability else {
      return said.isEmpty ? isSpoken ?? false : said == wanted && !wanted.isEmpty
    }
    return own > rival
  }
}
