public import Floor
public import ModelFiles
internal import Transformer

/// What something was made with, so that it can be held against what is asked for now.
///
/// It is a JSON object, compared member by member: two that differ differ in something that has a name.
public struct PlanIdentity: Equatable, Sendable {
  /// Name and value of all that counts.
  public let members: [JSONValue.Member]

  init(_ members: [JSONValue.Member]) { self.members = members }

  /// Reads its text; `nil` for text that is no object.
  init?(text: String) {
    guard let members = (try? JSONValue(parsing: Array(text.utf8)))?.members else { return nil }
    self.init(members)
  }

  /// As files carry it.
  public var text: String { JSONValue.object(members).compactText }
  /// In 32 bytes.
  public var digest: Digest { Digest(of: Array(text.utf8)) }

  /// Something that two identities do not have in common.
  public struct Difference: Equatable, Sendable {
    /// What it is called.
    public let key: String
    /// What the first has, as text; empty where it has nothing.
    public let found: String
    /// What the second has.
    public let wanted: String
  }

  /// The first thing in which this one differs from what is wanted; `nil` where all is the same.
  public func difference(from wanted: PlanIdentity) -> Difference? { differences(from: wanted).first }

  /// All in which this one differs from what is wanted, in its order.
  public func differences(from wanted: PlanIdentity) -> [Difference] {
    func value(_ members: [JSONValue.Member], _ key: String) -> String {
      members.first { $0.key == key }.map { $0.value.text ?? $0.value.compactText } ?? ""
    }
    let known = Set(wanted.members.map(\.key))
    return (wanted.members + members.filter { !known.contains($0.key) }).map(\.key).compactMap { key in
      let (found, asked) = (value(members, key), value(wanted.members, key))
      return found == asked ? nil : Difference(key: key, found: found, wanted: asked)
    }
  }
}

extension EditPlan {
  /// What decides the edited weights, beside the facts.
  public var identity: PlanIdentity {
    PlanIdentity(
      json.flatMap { member -> [JSONValue.Member] in
        guard let inner = member.value.members else { return [member] }
        // Where a recipe comes from changes nothing, nor does the seed of contexts that stand there.
        return inner.filter { !["source", "seed"].contains($0.key) }
      })
  }

  /// What values that are found on the base depend on, beside the fact.
  public var valueIdentity: PlanIdentity {
    var members: [JSONValue.Member] = [.init("sequence", "resolve")]
    if let inputs {
      members += [.init("model", .string(inputs.model)), .init("tokenizer", .string(inputs.tokenizer))]
    }
    members.append(.init("layer", .integer(recipe.layers.last!)))
    for setting in RecipeSetting.ofValues {
      if let value = recipe.value(of: setting) { members.append(.init(setting.rawValue, value)) }
    }
    members.append(.init("contexts", .array((contexts ?? []).map(\.json))))
    if let chat { members.append(.init("chat", chat.json)) }
    return PlanIdentity(members)
  }

  /// What the values of a run depend on. In a sequence they are found on what earlier batches left, so all facts and all else count.
  func valueIdentity(of groups: [FactGroup]) -> PlanIdentity {
    guard accumulates else { return valueIdentity }
    let facts = JSONValue.array(groups.map { ValuesFile.name(of: $0) }).compactText
    let others = identity.members.filter { $0.key != "sequence" }
    return PlanIdentity(
      [.init("sequence", "accumulate")] + others
        + [.init("facts", .string(Digest(of: Array(facts.utf8)).hexadecimal))])
  }
}
