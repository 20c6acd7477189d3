public import ModelFiles

extension ChatFrame {
  /// The frame as a plan carries it.
  ///
  /// The text before the user's message is in two parts where the system says something between them.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("template", .string(template)), .init("digest", .string(digest)),
    ]
    if let system, let systemOffset {
      let bytes = Array(before.utf8)
      members += [
        .init("beforeSystem", .string(String(decoding: bytes[..<systemOffset], as: UTF8.self))),
        .init("system", .string(system)),
        .init(
          "before", .string(String(decoding: bytes[(systemOffset + system.utf8.count)...], as: UTF8.self))),
      ]
    } else {
      members.append(.init("before", .string(before)))
    }
    members += [
      .init("after", .string(after)), .init("lead", .string(lead)), .init("join", .string(join.text)),
      .init("turnEnd", .string(turnEnd)),
    ]
    return .object(members)
  }

  /// Reads one; `nil` for what is none.
  public init?(_ json: JSONValue) {
    guard let template = json["template"]?.text, let digest = json["digest"]?.text,
      let before = json["before"]?.text, let after = json["after"]?.text,
      let lead = json["lead"]?.text, let join = json["join"]?.text.flatMap({ TextJoin($0) }),
      let turnEnd = json["turnEnd"]?.text,
      (json["system"] == nil) == (json["beforeSystem"] == nil)
    else { return nil }
    guard json["system"] != nil else {
      self.init(
        template: template, digest: digest, system: nil, systemOffset: nil, before: before, after: after,
        lead: lead, join: join,
        turnEnd: turnEnd)
      return
    }
    guard let system = json["system"]?.text, let head = json["beforeSystem"]?.text else { return nil }
    self.init(
      template: template, digest: digest, system: system, systemOffset: head.utf8.count,
      before: head + system + before,
      after: after, lead: lead, join: join, turnEnd: turnEnd)
  }
}
