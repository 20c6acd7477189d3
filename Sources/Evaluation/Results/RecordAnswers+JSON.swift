internal import Editing
internal import ModelFiles
internal import Transformer

// One line of a results file holds what was seen, not what was made of it: measures are taken anew when it is read.

extension RecordAnswers {
  /// As a line of a results file carries it; numbers in full.
  var json: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("id", .string(identifier)), .init("probes", .array(probes.map(\.json))),
    ]
    if !attributes.isEmpty { members.append(.init("attributes", .array(attributes.map(\.json)))) }
    if !texts.isEmpty {
      members.append(
        .init(
          "texts",
          .object(
            Measure.all.compactMap { measure in texts[measure].map { .init(measure.name, .number($0)) } })))
    }
    if let sample { members.append(.init("sample", .string(sample))) }
    if let edit { members.append(.init("edit", edit.json)) }
    return members
  }

  /// Reads a line.
  init?(_ value: JSONValue) {
    guard let identifier = value["id"]?.text, let list = value["probes"]?.elements else { return nil }
    let probes = list.compactMap { ProbeAnswer($0) }
    guard probes.count == list.count else { return nil }
    self.init(identifier: identifier, probes: probes)
    attributes = (value["attributes"]?.elements ?? []).compactMap { ProbeAnswer($0) }
    for measure in Measure.all {
      // What was no number reads null.
      let found = value["texts"]?[measure.name]
      texts[measure] = found == .null ? .nan : found?.number
    }
    sample = value["sample"]?.text
    edit = value["edit"].flatMap { MadeEdit($0) }
  }
}

extension ProbeAnswer {
  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("kind", .string(probe.kind.rawValue)), .init("prompt", .string(probe.prompt)),
    ]
    func add(_ key: String, _ value: JSONValue?) {
      if let value { members.append(.init(key, value)) }
    }
    add("answer", probe.answer.map { .string($0) })
    add("rival", probe.rival.map { .string($0) })
    add("join", probe.join.map { .string($0.text) })
    add("logProbability", Self.json(logProbability))
    add("rivalLogProbability", Self.json(rivalLogProbability))
    if !isNumber { add("isNumber", .bool(false)) }
    add("wanted", .array(wanted.map { .integer(Int($0)) }))
    add("said", .array(said.map { .integer(Int($0)) }))
    add("continuation", continuation.map { .string($0) })
    return .object(members)
  }

  init?(_ value: JSONValue) {
    guard let kind = value["kind"]?.text.flatMap({ Probe.Kind(rawValue: $0) }),
      let prompt = value["prompt"]?.text
    else { return nil }
    let join = value["join"].map { $0.text.flatMap { TextJoin($0) } }
    // A join is there and none.
    if case .some(nil) = join { return nil }
    self.init(
      Probe(
        kind, prompt: prompt, answer: value["answer"]?.text, rival: value["rival"]?.text, join: join ?? nil))
    func tokens(_ key: String) -> [Int32] {
      (value[key]?.elements ?? []).compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
    }
    isNumber = value["isNumber"] != .bool(false)
    guard let (own, rival) = numbers(value) else { return nil }
    (logProbability, rivalLogProbability) = (own, rival)
    (wanted, said) = (tokens("wanted"), tokens("said"))
    continuation = value["continuation"]?.text
  }
}

extension ProbeAnswer {
  /// A log-probability in full. One that is no number reads `null`; that of what cannot be is written as the least number there is.
  private static func json(_ value: Double?) -> JSONValue? {
    value.map { $0.isNaN ? .null : .number(Swift.max($0, -.greatestFiniteMagnitude)) }
  }

  /// Both log-probabilities; `nil` where one is of no probability.
  private func numbers(_ value: JSONValue) -> (own: Double?, rival: Double?)? {
    var found: [Double?] = []
    for key in ["logProbability", "rivalLogProbability"] {
      switch value[key] {
      case nil: found.append(nil)
      case .some(.null) where !isNumber: found.append(.nan)
      case .some(let written):
        // A sum of rounded terms may come out a little above the logarithm of one.
        guard let number = written.number, number <= 1e-3 else { return nil }
        found.append(number)
      }
    }
    return (found[0], found[1])
  }
}

extension FactRecord {
  /// Tells apart records whose questions differ, whatever their names.
  var fingerprint: String {
    let texts = ([efficacyProbe] + probes).map { probe in
      JSONValue.array(
        [
          .string(probe.kind.rawValue), .string(probe.prompt), .string(probe.answer ?? ""),
          .string(probe.rival ?? ""),
        ] + Self.joins(of: probe)
      ).compactText
    }
    let rest = attributePrompts + generationPrompts
    // FNV-1a: this guards against a changed data file, not against malice.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (texts + rest).joined(separator: "\n").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    return String(hash, radix: 16)
  }

  /// How a probe's texts are joined, unless both are by one space, as nearly all are.
  private static func joins(of probe: Probe) -> [JSONValue] {
    let joins = [probe.answer, probe.rival].map { text in text.map { probe.join(before: $0) } ?? .space }
    return joins == [.space, .space] ? [] : joins.map { .string($0.text) }
  }
}
