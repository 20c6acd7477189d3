import Editing
import Floor
import ModelFiles
import Patches

extension Shown {
  /// What a patch holds beside the weights, a line for each part.
  static func memory(_ patch: PatchFile) -> [String] {
    guard let memory = patch.memory else { return [] }
    let parts = groups(memory.parts).map { parts in
      let facts = parts.reduce(0) { $0 + $1.facts.count }
      return "memory: \(Numbers.count(facts, "fact")), \(Numbers.oneLine(parts[0].method)), "
        + (parts.count > 1 ? "each in one of \(parts.count) parts, " : "")
        + "\(words(for: parts.map(\.route))); \(words(for: parts[0].action))"
    }
    let bound =
      memory.isBound
      ? "  made of the model's own states: void on any other"
      : "  text: goes with any model, was made for one"
    return parts + ["\(bound) (fingerprint \(memory.base.fingerprint.abbreviation)…)"]
  }

  /// Parts in a row with side weights at one layer, of which there may be one for each fact; every other part by itself.
  private static func groups(_ parts: [MemorySection.Part]) -> [[MemorySection.Part]] {
    var groups: [[MemorySection.Part]] = []
    for part in parts {
      if let last = groups.last?.last, last.action == .replaceWeight, part.action == last.action,
        part.method == last.method, part.route.layer == last.route.layer
      {
        groups[groups.count - 1].append(part)
      } else {
        groups.append([part])
      }
    }
    return groups
  }

  private static func words(for routes: [MemoryRoute]) -> String {
    let thresholds = routes.compactMap { route -> Double? in
      if case .activation(_, let threshold) = route { threshold } else { nil }
    }
    guard routes.count > 1, let layer = routes[0].layer, let least = thresholds.min(),
      let most = thresholds.max()
    else { return words(for: routes[0]) }
    return "where the prompt activates its side weight at layer \(layer), by "
      + "\(Numbers.significant(least, 3)) to \(Numbers.significant(most, 3)) or more"
  }

  /// When a fact speaks, in words.
  static func words(for route: MemoryRoute) -> String {
    switch route {
    case .always: "always"
    case .subject: "where the subject stands in the last sentence"
    case .near(let distance): "where the prompt is at most \(Numbers.count(distance, "character")) away"
    case .words(let share): "where \(Numbers.percent(share)) of the words stand in the last sentence"
    case .embedding(let states, let similarity, let bySubject):
      "where \(subject(bySubject))\(words(for: states)) of both are alike (cosine \(Numbers.significant(similarity, 3)) or more)"
    case .scope(let states, let bySubject):
      "where \(subject(bySubject))a trained classifier sees it in the fact's scope, by \(words(for: states))"
    case .hidden(let layer): "where the input of layer \(layer) lies within the fact's radius"
    case .activation(let layer, let threshold):
      "where the prompt activates the side weight at layer \(layer) by \(Numbers.significant(threshold, 3)) or more"
    }
  }

  private static func subject(_ counts: Bool) -> String {
    counts ? "the subject stands in the last sentence and " : ""
  }

  private static func words(for states: StateChoice) -> String {
    func list(_ what: String, _ layers: [Int]) -> [String] {
      layers.isEmpty
        ? []
        : [
          "\(what) at layer\(layers.count > 1 ? "s" : "") \(layers.map(String.init).joined(separator: ", "))"
        ]
    }
    return (list("the tokens' mean", states.layers) + list("the last token", states.ends)).joined(
      separator: " and ")
  }

  private static func words(for action: MemoryAction) -> String {
    switch action {
    case .prompt: "is read with the prompt"
    case .replaceOutput: "its value takes the place of the layer's output"
    case .loop(let loop):
      "is looked up by questions that the model asks itself, in \(loop.generations) rounds at most"
    case .secondModel(_, let model):
      "is read with the prompt by a second model, which answers (digest \(model.abbreviation)…)"
    case .replaceWeight: "the side weight is added to the layer's own"
    }
  }

  /// The same for scripts.
  static func memoryJSON(_ patch: PatchFile) -> JSONValue {
    guard let memory = patch.memory else { return .null }
    return [
      "facts": .integer(memory.factCount), "bound": .bool(memory.isBound),
      "fingerprint": .string(memory.base.fingerprint.hexadecimal),
      "parts": .array(
        memory.parts.map {
          [
            "method": .string($0.method), "facts": .integer($0.facts.count), "route": $0.route.json,
            "action": $0.action.json,
          ]
        }),
    ]
  }
}
