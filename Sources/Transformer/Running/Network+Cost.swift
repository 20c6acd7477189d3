internal import Floor
public import ModelFiles

/// What rows cost in a network, as measured on this machine: the numbers that a plan of work multiplies.
public struct NetworkCost: Sendable {
  /// Processor seconds that a row takes in a block, of all threads together.
  public var forward = 0.0
  /// The same on the way back.
  public var backward = 0.0
  /// Processor seconds that a row's logits take.
  public var logits = 0.0
  /// The same on the way back, the loss included.
  public var logitsBackward = 0.0
  /// Bytes that a run through blocks holds for each row, however many blocks there are.
  public var rowByteCount = 0
  /// Bytes that it holds beside the rows.
  public var fixedByteCount = 0
  /// Bytes that a pass there and back holds for each row, beside those of each block.
  public var gradientByteCount = 0
  /// Bytes that each block holds for each row until the way back.
  public var tapeByteCount = 0
}

extension Network {
  /// Runs the last two blocks there and back over some rows, and the head.
  ///
  /// Bytes are those that rows take from a pool of their own, for so many rows and for half as many; what does not grow with them is apart.
  ///
  /// - Parameter operations: about so many multiplications; more are surer.
  public func measureCost(operations: Int = 8_000_000_000) throws -> NetworkCost {
    let perRow = max(1, configuration.blockWeightCount)
    var count = 32
    while count < 512, count * 2 * perRow <= operations { count *= 2 }
    // Pages are read, and threads are there.
    _ = try trial(rows: 16, blocks: 1, isBack: true)
    let depth = min(2, configuration.layerCount)
    let there = try trial(rows: count, blocks: depth, isBack: false)
    let halfThere = try trial(rows: count / 2, blocks: depth, isBack: false)
    let one = try trial(rows: count, blocks: 1, isBack: true)
    let halfOne = try trial(rows: count / 2, blocks: 1, isBack: true)
    let two = depth > 1 ? try trial(rows: count, blocks: 2, isBack: true) : one
    let halfTwo = depth > 1 ? try trial(rows: count / 2, blocks: 2, isBack: true) : halfOne
    func slope(_ whole: Trial, _ half: Trial) -> Int {
      max(0, whole.byteCount - half.byteCount) / (count / 2)
    }
    var cost = NetworkCost()
    cost.forward = there.forward / Double(count * depth)
    cost.backward = two.backward / Double(count * depth)
    (cost.logits, cost.logitsBackward) = try headCost(rows: min(count, 64))
    cost.rowByteCount = slope(there, halfThere)
    cost.fixedByteCount = max(0, there.byteCount - count * cost.rowByteCount)
    cost.tapeByteCount = depth > 1 ? max(0, slope(two, halfTwo) - slope(one, halfOne)) : 0
    cost.gradientByteCount = max(0, slope(one, halfOne) - cost.tapeByteCount)
    return cost
  }

  private struct Trial {
    var forward = 0.0
    var backward = 0.0
    var byteCount = 0
  }

  /// The same network with memory of its own for rows.
  private var apart: Network { replacing(Work(threads: work.threads, pool: RowPool())) }

  /// Tokens of a vocabulary, in texts of 32.
  private func texts(_ count: Int) -> [TokenSequence] {
    stride(from: 0, to: count, by: 32).map { first in
      TokenSequence(
        (first..<min(first + 32, count)).map { Int32($0 * 7919 % configuration.vocabularySize) })
    }
  }

  private func trial(rows count: Int, blocks: Int, isBack: Bool) throws -> Trial {
    let network = apart
    let texts = texts(count)
    let hidden = try embeddings(of: texts.flatMap(\.tokens))
    let layers = configuration.layerCount - blocks..<configuration.layerCount
    var trial = Trial()
    let begin = ProcessUse.processorSeconds
    let run = try network.run(texts, from: hidden, .init(layers), keeping: isBack ? .tape : [])
    let middle = ProcessUse.processorSeconds
    trial.forward = middle - begin
    if isBack {
      _ = network.backward(run, from: hidden)
      trial.backward = ProcessUse.processorSeconds - middle
    }
    trial.byteCount = network.work.pool.byteCount
    return trial
  }

  /// Seconds of a row's logits, there and back.
  private func headCost(rows count: Int) throws -> (Double, Double) {
    let network = apart
    let texts = texts(count)
    let run = try network.run(
      texts, from: embeddings(of: texts.flatMap(\.tokens)),
      .init(configuration.layerCount - 1..<configuration.layerCount), keeping: .tape)
    let backwardAlone = try trial(rows: count, blocks: 1, isBack: true).backward
    let begin = ProcessUse.processorSeconds
    let logits = network.logits(of: run, rows: Array(0..<count))
    let middle = ProcessUse.processorSeconds
    let terms = (0..<count).map { LossTerm(row: $0, .target(0), weight: 1) }
    let gradient = try network.loss(terms, of: logits).gradient
    _ = network.backward(run, logits: logits, gradient: gradient)
    let back = ProcessUse.processorSeconds - middle - backwardAlone
    return ((middle - begin) / Double(count), max(0, back) / Double(count))
  }
}

extension NetworkConfiguration {
  /// Numbers of a block's matrices that a row meets.
  public var blockWeightCount: Int {
    let attention = width * (2 * queryWidth + 2 * keyValueWidth)
    let inner = experts.map { $0.chosen * $0.width } ?? feedForwardWidth
    return attention + (design.isGated ? 3 : 2) * width * inner
  }
}
