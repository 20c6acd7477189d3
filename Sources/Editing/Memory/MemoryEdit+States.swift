internal import LinearAlgebra
internal import ModelFiles
internal import Patches
internal import Transformer

extension MemoryEdit {
  /// Gives facts their embeddings, where they are found by these; beside facts of the same route, by its numbers.
  func embed(
    _ part: inout MemoryDraft.Part, _ records: [FactRecord], beside old: MemoryDraft?
  ) throws -> RouteSeparation? {
    guard !records.isEmpty else { return nil }
    if method.trainedKind != nil {
      try enter(&part, records, scopes ?? .earlier, beside: old)
      return nil
    }
    guard var asked = embedding else { return nil }
    let network = model.network
    var center: [Float]?
    for earlier in old?.parts ?? [] where earlier.method == part.method && earlier.action == part.action {
      guard case .embedding(let states, let similarity, asked.bySubject) = earlier.route,
        asked.states ?? states == states, asked.similarity ?? similarity == similarity
      else { continue }
      (asked.states, asked.similarity) = (states, similarity)
      center = ElementType.f32.decoded(earlier.shared["center"]?.bytes ?? [])
    }
    let count = network.configuration.layerCount
    if let last = asked.states?.last, last > count {
      throw EditError.layersOutsideModel(layers: [last], layerCount: count)
    }
    let found = try EmbeddedFacts(
      records, asked, center: center, states: try states(), layerCount: count)
    part.route = .embedding(
      states: found.choice, similarity: found.similarity, bySubject: asked.bySubject)
    part.shared["center"] = .init([found.center.count], found.center)
    for (index, embedding) in found.embeddings.enumerated() {
      part.facts[index].rows["embeddings"] = Self.bytes(embedding)
    }
    return found.separation
  }

  /// Gives facts what a classifier makes of their prompts: a trained one, or that of the facts that they join.
  private func enter(
    _ part: inout MemoryDraft.Part, _ records: [FactRecord], _ scopes: ScopeRoute, beside old: MemoryDraft?
  ) throws {
    var route: (route: MemoryRoute, embed: PromptEmbedding)?
    if case .trained(let editor) = scopes {
      try editor.require(model.network)
      route = editor.scopeRoute
    } else if let earlier = old?.parts.last(where: { $0.method == part.method && $0.route.kind == "scope" }) {
      let center = ElementType.f32.decoded(earlier.shared["center"]?.bytes ?? [])
      let head = ElementType.f32.decoded(earlier.shared["head"]?.bytes ?? [])
      let rows = head.count / max(1, center.count)
      route = (
        earlier.route,
        PromptEmbedding(center: center, head: Matrix(rows: rows, columns: center.count, elements: head))
      )
    }
    guard let route, let choice = route.route.states else {
      throw EditError.optionNeeds(
        "--method \(method.name)", other: "--editor FILE, which `errata train --editor serac` makes")
    }
    part.route = route.route
    part.shared["center"] = .init([route.embed.center.count], route.embed.center)
    part.shared["head"] = route.embed.head.map { .init([$0.rows, $0.columns], $0.elements) }
    let questions = records.map { MemoryText.bareQuestion(of: $0.fact.filledPrompt) }
    for (index, state) in try states().states(of: questions, choice).enumerated() {
      part.facts[index].rows["embeddings"] = Self.bytes(route.embed(state))
    }
  }

  private func states() throws -> PromptStates {
    PromptStates(network: try model.network.overlaid(WeightOverlay()), encoder: model.encoder)
  }

  private static func bytes(_ numbers: [Float]) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }
}
