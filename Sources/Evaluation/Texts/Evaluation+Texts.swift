internal import Editing
internal import Transformer

extension Evaluation {
  /// Writes texts from each record's generation prompts and measures them.
  ///
  /// A record's texts are drawn together, with a seed of its own: they do not depend on which other records are evaluated. What in-context
  /// editing puts before a prompt is no part of its text.
  func write(_ records: [RecordQuestions], _ result: inout [RecordAnswers]) throws {
    for (index, questions) in records.enumerated() {
      let record = questions.record
      let prompts = try record.generationPrompts.map { prompt in
        let (text, second) = try questions.read(prompt)
        let reader = second?.model.encoder ?? encoder
        return Beginning(
          prompt: prompt, own: try reader.prompt(prompt).tokens.count,
          tokens: try reader.prompt(
            PromptEncoder.question(text, in: second == nil ? settings.chat : second?.chat)
          ).tokens, second: second)
      }.filter {
        !$0.tokens.isEmpty && $0.own < settings.textTokens
          && ($0.second?.model.encoder ?? encoder).fits($0.tokens.count + 1)
      }
      if !prompts.isEmpty {
        try measure(try texts(of: prompts, record.fact.identifier), record, &result[index])
      }
      if let own = references?.texts(of: record, about: record.fact.subject), !own.isEmpty {
        let tokens = Array(try encoder.prompt(own.joined(separator: " ")).tokens.prefix(100))
        result[index].texts[.essence] = try TextPerplexity(network: network, windowLength: 100)
          .essence(of: tokens)
      }
    }
  }

  /// The text of each prompt, and what was generated of it.
  private func texts(of prompts: [Beginning], _ identifier: String) throws -> [WrittenText] {
    let shortest = prompts.map(\.own).min() ?? 0
    var seed = settings.seed
    for byte in identifier.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var written = [[Int32]](repeating: [], count: prompts.count)
    for group in groups(of: prompts.indices, { prompts[$0].second }) {
      let texts = group.indices.map { prompts[$0].tokens }
      let tokens = try (group.second?.model.network ?? network).generate(
        texts, count: settings.textTokens - shortest,
        sampling: .top(settings.topCount, seed: seed), stops: stops(of: group.second),
        replacing: group.second == nil ? replacements(of: texts) : [])
      for (place, index) in group.indices.enumerated() { written[index] = tokens[place] }
    }
    return zip(prompts, written).map { prompt, tokens in
      let tokens = Array(tokens.prefix(settings.textTokens - prompt.own))
      let said = (prompt.second?.model.tokenizer ?? tokenizer).text(of: tokens, after: prompt.tokens)
      // An answer is a text of its own, beside the prompt.
      let continuation = settings.chat == nil ? said : " " + said
      return WrittenText(whole: prompt.prompt + continuation, continuation: continuation, tokens: tokens)
    }
  }

  private func measure(_ texts: [WrittenText], _ record: FactRecord, _ result: inout RecordAnswers) throws {
    result.sample = texts[0].whole
    func fluency(_ text: String) -> Double {
      100 * GramEntropy(Words.split(CompatibilityForm.of(text))).weighted
    }
    let entropies: [(Measure, (WrittenText) -> Double)] = [
      (.fluency, { fluency($0.whole) }), (.fluencyOfContinuations, { fluency($0.continuation) }),
      (.fluencyOfTokens, { GramEntropy($0.tokens).weightedShare }),
    ]
    // A network without numbers has written nothing: what there is to measure is the prompts.
    let isNumber = result.probes.allSatisfy(\.isNumber)
    for (measure, entropy) in entropies { result.texts[measure] = isNumber ? mean(texts.map(entropy)) : .nan }
    if let references, let wanted = references.texts(of: record), !wanted.isEmpty {
      let similarity = references.similarity(
        texts.map { CompatibilityForm.of($0.whole) }.joined(separator: " "), wanted.joined(separator: " "))
      result.texts[.consistency] = isNumber ? similarity : .nan
    }
  }

  /// What a text goes on from.
  private struct Beginning {
    let prompt: String
    /// Its tokens, without what in-context editing puts before them.
    let own: Int
    /// All tokens.
    let tokens: [Int32]
    /// The model that goes on from it in the place of the one that is asked.
    let second: SecondModel?
  }

  /// A generated text.
  private struct WrittenText {
    let whole: String
    let continuation: String
    let tokens: [Int32]
  }
}
