internal import Editing
internal import ModelFiles

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
    for measure in Measure.all { texts[measure] = value["texts"]?[measure.name]?.number }
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
    add("logProbability", logProbability.map { .number($0) })
    add("rivalLogProbability", rivalLogProbability.map { .number($0) })
    add("wanted", .array(wanted.map { .integer(Int($0)) }))
    add("said", .array(said.map { .integer(Int($0)) }))
    add("continuation", continuation.map { .string($0) })
    return .object(members)
  }

  init?(_ value: JSONValue) {
    guard let kind = value["kind"]?.text.flatMap({ Probe.Kind(rawValue: $0) }),
      let prompt = value["prompt"]?.text
    else { return nil }
    self.init(Probe(kind, prompt: prompt, answer: value["answer"]?.text, rival: value["rival"]?.text))
    func tokens(_ key: String) -> [Int32] {
      (value[key]?.elements ?? []).compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
    }
    logProbability = value["logProbability"]?.number
    rivalLogProbability = value["rivalLogProbability"]?.number
    (wanted, said) = (tokens("wanted"), tokens("said"))
    continuation = value["continuation"]?.text
  }
}

extension FactRecord {
  /// Tells apart records whose questions differ, whatever their names.
  var fingerprint: String {
    let texts = ([efficacyProbe] + probes).map { probe in
      JSONValue.array([
        .string(probe.kind.rawValue), .string(probe.prompt), .string(probe.answer ?? ""),
        .string(probe.rival ?? ""),
      ]).compactText
    }
    let rest = attributePrompts + generationPrompts
    // FNV-1a: this guards against a changed data file, not against malice.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (texts + rest).joined(separator: "\n").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    return String(hash, radix: 16)
  }
}
