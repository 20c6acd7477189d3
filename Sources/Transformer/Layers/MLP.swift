/// What a block does beside attention: one MLP for all positions, or experts of which each position goes through some.
enum MLP: Sendable {
  case one(FeedForward)
  case experts(Experts)

  /// Keys, and what the backward pass needs.
  enum Keys {
    case one(key: Rows, tape: FeedForward.Tape)
    case experts(Experts.Keys)
  }

  /// The only MLP; `nil` where there are experts.
  var one: FeedForward? {
    guard case .one(let mlp) = self else { return nil }
    return mlp
  }

  /// The keys of each row.
  func keys(_ x: Rows, work: Work) -> Keys {
    switch self {
    case .one(let mlp):
      let (key, tape) = mlp.key(x, work: work)
      return .one(key: key, tape: tape)
    case .experts(let experts): return .experts(experts.keys(x, work: work))
    }
  }

  /// Shows the keys to an observer, with those of experts beside each other, and goes on with what it leaves.
  func show(_ keys: Keys, work: Work, to observe: (Rows) -> Void) {
    switch (self, keys) {
    case (.experts(let experts), .experts(let own)):
      let rows = experts.stacked(own, work: work)
      observe(rows)
      experts.take(rows, into: own)
    case (_, .one(let key, _)): observe(key)
    default: preconditionFailure("keys of this MLP")
    }
  }

  /// The output of each row, given its keys.
  func value(_ keys: Keys, work: Work) -> Rows {
    switch (self, keys) {
    case (.one(let mlp), .one(let key, _)): return mlp.value(key, work: work)
    case (.experts(let experts), .experts(let own)): return experts.value(own, work: work)
    default: preconditionFailure("keys of this MLP")
    }
  }

  /// The gradient of the input.
  func backward(_ dy: Rows, _ keys: Keys, work: Work) -> Rows {
    switch (self, keys) {
    case (.one(let mlp), .one(_, let tape)): return mlp.backward(dy, tape, work: work)
    case (.experts(let experts), .experts(let own)): return experts.backward(dy, own, work: work)
    default: preconditionFailure("keys of this MLP")
    }
  }
}
