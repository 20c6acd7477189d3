internal import ModelFiles
internal import Transformer

extension Fact {
  /// As a patch carries it; more may follow.
  var jsonMembers: [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("id", .string(identifier)), .init("prompt", .string(prompt)), .init("subject", .string(subject)),
      .init("target", .string(target)),
    ]
    // One space is what nearly all have, and what a reader takes where nothing is said.
    if join != .space { members.append(.init("join", .string(join.text))) }
    if let former = formerTarget { members.append(.init("formerTarget", .string(former))) }
    return members
  }

  /// A fact as a patch carries it; `nil` where a part is missing or malformed.
  init?(json: JSONValue) {
    guard let prompt = json["prompt"]?.text, let target = json["target"]?.text,
      prompt.byteOffsets(of: Fact.placeholder).count <= 1
    else { return nil }
    var join = TextJoin.space
    if let value = json["join"] {
      guard let own = value.text.flatMap({ TextJoin($0) }) else { return nil }
      join = own
    }
    self.init(
      identifier: json["id"]?.text ?? "", prompt: prompt, subject: json["subject"]?.text ?? "",
      target: target,
      formerTarget: json["formerTarget"]?.text, join: join)
  }
}
