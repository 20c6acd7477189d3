import LinearAlgebra
import ModelFiles
import TestSupport
import Testing
import Transformer

@Suite struct BackwardTests {
  static let tolerance = 1e-4

  /// The problem of a reference file: an offset on the output of a block at the subject's position.
  struct Problem {
    let reference: FamilyReference
    let network: Network
    let prompt: [Int32]
    let layer: Int
    let subject: Int
    let positions: [Int]
    let labels: [Int]

    init(_ family: String) throws {
      reference = try FamilyReference(family)
      network = try reference.network()
      prompt = try reference.prompt(0)
      layer = try reference.integers("gradient.layer")[0]
      subject = try reference.integers("gradient.subject")[0]
      positions = try reference.integers("gradient.positions")
      labels = try reference.integers("gradient.labels")
    }

    var width: Int { network.configuration.width }
    /// The blocks above the edited one.
    var above: Network.Span { .init(layer + 1..<network.configuration.layerCount) }

    /// Rows that begin the block after the edited one, with an offset at the subject.
    func rows(adding offset: [Float]? = nil, from first: Int = 0) throws -> Matrix<Float> {
      var rows = try network.run([TokenSequence(prompt)], .init(0..<layer + 1)).hidden.matrix()
      if let offset { for (column, value) in offset.enumerated() { rows[subject, column] += value } }
      return rows.selecting(rows: first..<prompt.count)
    }

    /// The label terms for rows of logits in the order of `positions`.
    var targets: [LossTerm] {
      labels.enumerated().map { LossTerm(row: $0, .target($1), weight: 1 / Float(labels.count)) }
    }
  }

  @Test(arguments: FamilyReference.names)
  func `the gradient of an offset is torch's`(family: String) throws {
    let p = try Problem(family)
    let plain = try p.network.run([TokenSequence(p.prompt)])
    let before = p.network.logits(of: plain, rows: [p.subject]).logProbabilities(row: 0)

    let rows = try p.rows(adding: p.reference.floats("gradient.delta"))
    let run = try p.network.run(
      [TokenSequence(p.prompt)], from: rows, p.above, keeping: .tape)
    let logits = p.network.logits(of: run, rows: p.positions + [p.subject])
    let divergence = LossTerm(row: p.positions.count, .divergence(from: before), weight: 0.0625)
    let (values, gradient) = try p.network.loss(p.targets + [divergence], of: logits)

    let nll = values.prefix(p.labels.count).reduce(0, +) / Float(p.labels.count)
    #expect(relativeError([nll], try p.reference.floats("gradient.nll")) < 1e-5)
    #expect(relativeError([values[p.labels.count]], try p.reference.floats("gradient.kl")) < 1e-4)
    let offset = p.network.backward(run, logits: logits, gradient: gradient).matrix().row(p.subject)
    #expect(relativeError(offset, try p.reference.floats("gradient.offset")) < Self.tolerance)
  }

  @Test(arguments: FamilyReference.names)
  func `positions before the subject need not be run again`(family: String) throws {
    let p = try Problem(family)
    let delta = try p.reference.floats("gradient.delta")
    func gradient(_ sequence: TokenSequence, from first: Int) throws -> [Float] {
      let run = try p.network.run(
        [sequence], from: p.rows(adding: delta, from: first), p.above, keeping: .tape)
      let logits = p.network.logits(of: run, rows: p.positions.map { $0 - first })
      let (_, gradient) = try p.network.loss(p.targets, of: logits)
      return Array(
        p.network.backward(run, logits: logits, gradient: gradient).matrix().row(p.subject - first))
    }
    let memory = try p.network.run([TokenSequence(p.prompt)], keeping: .memory)
    let past = memory.past(of: 0).prefix(p.subject)
    let full = try gradient(TokenSequence(p.prompt), from: 0)
    let suffix = try gradient(TokenSequence(Array(p.prompt[p.subject...]), after: past), from: p.subject)
    #expect(relativeError(suffix, full) < 1e-5)
  }

  @Test(arguments: FamilyReference.names)
  func `the gradient of the down-projection is torch's`(family: String) throws {
    let p = try Problem(family)
    var keys = Matrix<Float>(rows: 0, columns: 0)
    var outputs = keys
    let below = try p.network.run([TokenSequence(p.prompt)], .init(0..<p.layer + 1)) {
      layer, activation, rows in
      if layer == p.layer, activation == .key { keys = rows.matrix() }
      if layer == p.layer, activation == .value { outputs = rows.matrix() }
    }
    let run = try p.network.run(
      [TokenSequence(p.prompt)], from: below.hidden.matrix(), p.above, keeping: .tape)
    let logits = p.network.logits(of: run, rows: p.positions)
    let (_, gradient) = try p.network.loss(p.targets, of: logits)
    let values = p.network.gradient(
      of: outputs, .feedForward, layer: p.layer,
      after: p.network.backward(run, logits: logits, gradient: gradient).matrix())
    #expect(
      relativeError(values.row(p.subject), try p.reference.floats("gradient.value")) < Self.tolerance)
    let weight = values.times(keys, transposed: true)
    #expect(relativeError(weight.elements, try p.reference.floats("gradient.weight")) < Self.tolerance)
  }

  @Test(arguments: FamilyReference.names)
  func `the gradient of attention's output is torch's`(family: String) throws {
    let p = try Problem(family)
    var rows = try p.network.run([TokenSequence(p.prompt)], .init(0..<p.layer)).hidden.matrix()
    var span = p.above
    var outputs: Matrix<Float>?
    if p.network.configuration.block == .sequential {
      // From the middle of the edited block: x + attention.
      let from = p.layer == 0 ? nil : rows
      _ = try p.network.run([TokenSequence(p.prompt)], from: from, .init(p.layer..<p.layer + 1)) {
        _, activation, output in
        guard activation == .attentionOutput else { return }
        outputs = output.matrix()
        let attended = p.network.addition(of: output.matrix(), .attention, layer: p.layer)
        for row in 0..<rows.rows { for column in 0..<p.width { rows[row, column] += attended[row, column] } }
      }
      span = .init(p.layer..<span.end)
      span.startsInMiddle = true
    } else {
      rows = try p.rows()
    }
    let run = try p.network.run([TokenSequence(p.prompt)], from: rows, span, keeping: .tape)
    let logits = p.network.logits(of: run, rows: p.positions)
    let (_, gradient) = try p.network.loss(p.targets, of: logits)
    let stream = p.network.backward(run, logits: logits, gradient: gradient).matrix()
    let offsets = outputs.map { p.network.gradient(of: $0, .attention, layer: p.layer, after: stream) }
    #expect(
      relativeError((offsets ?? stream).row(p.subject), try p.reference.floats("gradient.attention"))
        < Self.tolerance)
  }
}
