internal import LinearAlgebra
internal import Transformer

/// What a network has at the subjects' last tokens: keys and hidden states of a list of groups, in their contexts.
///
/// Texts are cut after the subject's last token: by causality nothing behind it matters there.
struct SubjectStates {
  /// Texts of each group, the bare prompt first.
  private let texts: [[FactPrompt.Text]]

  init(_ problems: [ValueProblem]) {
    texts = problems.map { problem in
      problem.prompts[0].texts.map {
        FactPrompt.Text(
          tokens: Array($0.tokens[...$0.subject]), subject: $0.subject, isBare: $0.isBare, isChat: $0.isChat)
      }
    }
  }

  /// How keys of several contexts become one.
  enum Averaging {
    /// The mean over all contexts and the bare prompt: ROME.
    case contexts
    /// Half the bare prompt's, half the mean over the contexts': MEMIT and its kin. Where the prompt stands in a chat too, both are bare.
    /// Source: kmeng01/memit, `memit/compute_ks.py`.
    case groups
    /// The bare prompt's alone.
    case bare
  }

  /// One averaged key per group, at a layer. `[groups × feedForwardWidth]`
  func keys(in network: Network, layer: Int, averaging: Averaging) throws -> Matrix<Double> {
    try keys(in: network, layers: [layer], averaging: averaging)[0]
  }

  /// The same at several layers, of one run. `[layers][groups × feedForwardWidth]`
  func keys(in network: Network, layers: [Int], averaging: Averaging) throws -> [Matrix<Double>] {
    var span = Network.Span(0..<layers.max()! + 1)
    span.endsAtKey = true
    return try averaged(network, span, .key, layers, averaging)
  }

  /// One averaged output of the down-projection per group. `[groups × width]`
  func values(in network: Network, layer: Int, averaging: Averaging) throws -> Matrix<Double> {
    try averaged(network, .init(0..<layer + 1), .value, [layer], averaging)[0]
  }

  /// The hidden state after a block, for the bare prompt. `[groups × width]`
  func hidden(in network: Network, layer: Int) throws -> Matrix<Double> {
    try averaged(network, .init(0..<layer + 1), .hidden, [layer], .bare)[0]
  }

  private func averaged(
    _ network: Network, _ span: Network.Span, _ activation: Activation, _ layers: [Int],
    _ averaging: Averaging
  ) throws -> [Matrix<Double>] {
    let used = averaging == .bare ? texts.map { [$0[0]] } : texts
    var sums = layers.map { _ in used.map { _ in [Double]() } }
    let flat = used.enumerated().flatMap { group, texts in
      let bareCount = texts.count(where: \.isBare)
      return texts.enumerated().map {
        (group, text: $1, weight: weight(of: $0, $1, of: texts.count, bareCount, averaging))
      }
    }
    let keyWidth = activation == .key ? layers.map { network.keyWidth(of: $0) }.max()! : 0
    let rowLimit = ValueWork.keyRowLimit(keyWidth: keyWidth)
    var first = 0
    while first < flat.count {
      var end = first
      var rows = 0
      while end < flat.count, end == first || rows + flat[end].text.tokens.count <= rowLimit {
        rows += flat[end].text.tokens.count
        end += 1
      }
      var found: [Int: Matrix<Float>] = [:]
      let ends = flat[first..<end].reduce(into: [Int]()) { $0.append(($0.last ?? -1) + $1.text.tokens.count) }
      _ = try network.run(
        flat[first..<end].map { TokenSequence($0.text.tokens) }, span,
        keyLayers: activation == .key ? Set(layers) : []
      ) {
        block, seen, rows in
        if seen == activation, layers.contains(block) { found[block] = rows.matrix(rows: ends) }
      }
      for (index, layer) in layers.enumerated() {
        let rows = found[layer]!
        for (place, item) in flat[first..<end].enumerated() {
          if sums[index][item.0].isEmpty { sums[index][item.0] = [Double](repeating: 0, count: rows.columns) }
          for (column, value) in rows.row(place).enumerated() {
            sums[index][item.0][column] += item.weight * Double(value)
          }
        }
      }
      first = end
    }
    return sums.map { sums in
      Matrix(rows: sums.count, columns: sums.first?.count ?? 0, elements: Array(sums.joined()))
    }
  }

  private func weight(
    of index: Int, _ text: FactPrompt.Text, of count: Int, _ bareCount: Int, _ averaging: Averaging
  ) -> Double {
    switch averaging {
    case .bare: index == 0 ? 1 : 0
    case .contexts: 1 / Double(count)
    case .groups:
      count == bareCount
        ? 1 / Double(count) : text.isBare ? 0.5 / Double(bareCount) : 0.5 / Double(count - bareCount)
    }
  }
}
