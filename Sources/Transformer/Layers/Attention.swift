internal import Glibc
internal import Kernels
internal import LinearAlgebra
internal import ModelFiles

/// Causal attention of a block, over sequences of any lengths side by side.
struct Attention: Sendable {
  /// Weights of queries, keys and values, each with the column its output begins at; one where they are fused.
  let projections: [(weight: Linear, column: Int)]
  let output: Linear
  let shape: Shape
  /// What scores are multiplied by before their softmax.
  let scale: Float
  /// c of c · tanh(x / c), through which they go, too.
  var cap: Float?
  /// How queries grow with their position.
  var growth: NetworkFactors.QueryGrowth?
  /// Norms of queries and keys, before they are turned.
  var norms: HeadNorms?

  /// Norms of queries and keys: of each head, with one weight for all of them, or of all heads as one vector.
  struct HeadNorms: Sendable {
    let query: Norm
    let key: Norm
  }

  /// Where heads are within a row of projections.
  struct Shape: Sendable {
    let headCount: Int
    let keyValueHeadCount: Int
    let headWidth: Int
    /// Whether a key head's queries, key and value stand side by side (GPT-NeoX, Falcon), not all queries first.
    let isByGroup: Bool

    var queryWidth: Int { headCount * headWidth }
    var keyValueWidth: Int { keyValueHeadCount * headWidth }
    var projectedWidth: Int { queryWidth + 2 * keyValueWidth }
    /// Query heads that share a key head.
    var groupCount: Int { headCount / keyValueHeadCount }

    func query(_ head: Int) -> Int {
      isByGroup ? (group(head / groupCount) + head % groupCount) * headWidth : head * headWidth
    }
    func key(_ head: Int) -> Int {
      isByGroup ? (group(head) + groupCount) * headWidth : queryWidth + head * headWidth
    }
    func value(_ head: Int) -> Int {
      isByGroup ? (group(head) + groupCount + 1) * headWidth : queryWidth + keyValueWidth + head * headWidth
    }
    /// Where the rows of a key head begin, in heads.
    private func group(_ head: Int) -> Int { head * (groupCount + 2) }
  }

  /// What the backward pass needs: projections (queries turned), and keys (turned) and values of all positions.
  struct Tape {
    let projected: Rows
    let keys: Rows
    let values: Rows
    /// The projections before the heads' norms, where there are any.
    let unscaled: Rows?
  }

  /// Queries in one product of scores: bounds the scores of a long sequence.
  private static let queryBlock = 128

  /// Attention's output for each row, before the residual sum.
  ///
  /// - Parameters:
  ///   - x: a row for each of the batch, or for each of the kinds that `kinds` names for these.
  ///   - finished: the rows, rising, whose output is wanted; `nil` for all.
  func forward(
    _ x: Rows, _ batch: Batch, layer: Int, finishing finished: [Int]? = nil, kinds: [Int]? = nil,
    window: Int?, rotary: RotaryTable?, work: Work
  ) -> (output: Rows, tape: Tape) {
    let kindsProjected = work.pool.rows(x.count, shape.projectedWidth)
    for (weight, column) in projections {
      weight.forward(x, into: kindsProjected, at: column, work: work)
    }
    let projected = kinds.map { kindsProjected.picked($0, work: work) } ?? kindsProjected
    let keys = work.pool.rows(batch.memoryCount, shape.keyValueWidth)
    let values = work.pool.rows(batch.memoryCount, shape.keyValueWidth)
    let unscaled = norms.map { scaleHeads(of: projected, by: $0, work: work) }
    gather(projected, keys, values, batch, layer: layer, rotary: rotary, work: work)

    let tape = Tape(projected: projected, keys: keys, values: values, unscaled: unscaled)
    let mixed = work.pool.rows(finished?.count ?? batch.rowCount, shape.queryWidth)
    if finished != nil || !batch.isApart {
      mixRows(batch, finishing: finished, tape, into: mixed, window: window, work: work)
    } else {
      eachHead(batch, work: work) { segment, head in
        attend(segment, keyValueHead: head, projected, keys, values, into: mixed, window: window, work: work)
      }
    }
    let output = work.pool.rows(mixed.count, self.output.outputWidth)
    self.output.forward(mixed, into: output, work: work)
    return (output, tape)
  }

  /// Turns queries and keys by their positions, and puts keys and values behind those of earlier positions.
  private func gather(
    _ projected: Rows, _ keys: Rows, _ values: Rows, _ batch: Batch, layer: Int, rotary: RotaryTable?,
    work: Work
  ) {
    let width = shape.keyValueWidth
    work.forEach(batch.segments.count, cost: batch.rowCount * shape.projectedWidth) { index in
      let segment = batch.segments[index]
      var place = segment.memory.lowerBound
      if let past = segment.past, past.count > 0 {
        let (earlierKeys, earlierValues) = past.rows(of: layer)
        keys.row(place).update(from: earlierKeys, count: past.count * width)
        values.row(place).update(from: earlierValues, count: past.count * width)
        place += past.count
      }
      for (offset, row) in segment.rows.enumerated() {
        let source = projected.row(row)
        let position = segment.pastCount + offset
        for head in 0..<shape.keyValueHeadCount {
          let key = keys.row(place + offset) + head * shape.headWidth
          key.update(from: source + shape.key(head), count: shape.headWidth)
          rotary?.turn(key, position: position, of: segment.positionCount)
          (values.row(place + offset) + head * shape.headWidth)
            .update(from: source + shape.value(head), count: shape.headWidth)
        }
        if let rotary {
          for head in 0..<shape.headCount {
            rotary.turn(source + shape.query(head), position: position, of: segment.positionCount)
          }
        }
        grow(source, position)
      }
    }
  }

  /// Multiplies the queries of a row, or their gradients, by what belongs to their position.
  private func grow(_ row: UnsafeMutablePointer<Float>, _ position: Int) {
    guard let growth else { return }
    let factor = Float(1 + growth.rate * log(1 + Double(position / growth.length)))
    for head in 0..<shape.headCount {
      Kernel.scale(row + shape.query(head), by: factor, count: shape.headWidth)
    }
  }

  /// One task for each key head of each sequence.
  private func eachHead(_ batch: Batch, work: Work, _ body: @Sendable (Batch.Segment, Int) -> Void) {
    let heads = shape.keyValueHeadCount
    work.forEach(batch.segments.count * heads, cost: batch.attentionCost * shape.queryWidth) { task in
      body(batch.segments[task / heads], task % heads)
    }
  }

  /// Probabilities of some queries of a head over the positions from `first` on, each up to its own.
  ///
  /// - Parameter slopes: where there is a cap, takes its slope at each score: 1 − (score / cap)².
  /// - Returns: the first position any of them sees; `scores` holds one row of `memory.count − first` per query.
  private func probabilities(
    _ segment: Batch.Segment, queries: Range<Int>, head: Int, keyValueHead: Int, _ projected: Rows,
    _ keys: Rows, window: Int?, into scores: UnsafeMutablePointer<Float>,
    slopes: UnsafeMutablePointer<Float>? = nil
  ) -> Int {
    let total = segment.pastCount + queries.upperBound
    let first = window.map { max(0, segment.pastCount + queries.lowerBound - $0 + 1) } ?? 0
    let count = total - first
    Float.gemm(
      transposeA: false, transposeB: true, m: queries.count, n: count, k: shape.headWidth, alpha: 1,
      a: projected.row(segment.rows.lowerBound + queries.lowerBound) + shape.query(head),
      lda: projected.width,
      b: keys.row(segment.memory.lowerBound + first) + keyValueHead * shape.headWidth, ldb: keys.width,
      beta: 0, c: scores, ldc: count)
    if let cap {
      errata_cap(scores, scale, cap, queries.count * count)
      if let slopes {
        for index in 0..<queries.count * count {
          slopes[index] = 1 - (scores[index] / cap) * (scores[index] / cap)
        }
      }
    }
    let scale = cap == nil ? scale : 1
    for (index, query) in queries.enumerated() {
      let row = scores + index * count
      let last = segment.pastCount + query - first
      let start = window.map { max(0, last - $0 + 1) } ?? 0
      row.update(repeating: 0, count: start)
      errata_softmax(row + start, scale, last + 1 - start)
      (row + last + 1).update(repeating: 0, count: count - last - 1)
    }
    return first
  }

  private func attend(
    _ segment: Batch.Segment, keyValueHead: Int, _ projected: Rows, _ keys: Rows, _ values: Rows,
    into mixed: Rows, window: Int?, work: Work
  ) {
    let scores = work.pool.rows(min(Self.queryBlock, segment.rows.count), segment.memory.count)
    for start in stride(from: 0, to: segment.rows.count, by: Self.queryBlock) {
      let queries = start..<min(start + Self.queryBlock, segment.rows.count)
      for member in 0..<shape.groupCount {
        let head = keyValueHead * shape.groupCount + member
        let first = probabilities(
          segment, queries: queries, head: head, keyValueHead: keyValueHead, projected, keys, window: window,
          into: scores.base)
        let count = segment.pastCount + queries.upperBound - first
        Float.gemm(
          transposeA: false, transposeB: false, m: queries.count, n: shape.headWidth, k: count, alpha: 1,
          a: scores.base, lda: count,
          b: values.row(segment.memory.lowerBound + first) + keyValueHead * shape.headWidth,
          ldb: values.width, beta: 0,
          c: mixed.row(segment.rows.lowerBound + start) + head * shape.headWidth, ldc: mixed.width)
      }
    }
  }

  // MARK: Backward

  /// The gradient of the input. Keys and values of earlier positions are constants.
  func backward(
    _ dy: Rows, _ tape: Tape, _ batch: Batch, window: Int?, rotary: RotaryTable?, work: Work
  ) -> Rows {
    let dmixed = work.pool.rows(dy.count, shape.queryWidth)
    output.backward(dy, into: dmixed, adding: false, work: work)
    let dprojected = work.pool.rows(dy.count, shape.projectedWidth)
    eachHead(batch, work: work) { segment, head in
      attendBackward(segment, keyValueHead: head, tape, dmixed, into: dprojected, window: window, work: work)
    }
    if rotary != nil || growth != nil {
      work.forEach(batch.segments.count, cost: batch.rowCount * shape.projectedWidth) { index in
        let segment = batch.segments[index]
        for (offset, row) in segment.rows.enumerated() {
          let position = segment.pastCount + offset
          grow(dprojected.row(row), position)
          func turnBack(_ column: Int) {
            rotary?.turn(
              dprojected.row(row) + column, position: position, of: segment.positionCount, backwards: true)
          }
          for head in 0..<shape.headCount { turnBack(shape.query(head)) }
          for head in 0..<shape.keyValueHeadCount { turnBack(shape.key(head)) }
        }
      }
    }
    if let norms, let unscaled = tape.unscaled {
      unscaleHeads(dprojected, of: unscaled, by: norms, work: work)
    }
    let dx = work.pool.rows(dy.count, projections[0].weight.inputWidth)
    for (index, projection) in projections.enumerated() {
      projection.weight.backward(
        dprojected, from: projection.column, into: dx, adding: index > 0, work: work)
    }
    return dx
  }

  /// With P the probabilities of a head and s the factor of scores: dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − Σ P ∘ dO Vᵀ), times the slope of
  /// the cap where there is one, dQ = s dS K, dK = s dSᵀ Q.
  private func attendBackward(
    _ segment: Batch.Segment, keyValueHead: Int, _ tape: Tape, _ dmixed: Rows, into dprojected: Rows,
    window: Int?, work: Work
  ) {
    let (n, width) = (segment.rows.count, shape.headWidth)
    let block = min(Self.queryBlock, n)
    let scores = work.pool.rows(block, segment.memory.count)
    let gradients = work.pool.rows(block, segment.memory.count)
    let slopes = cap.map { _ in work.pool.rows(block, segment.memory.count) }
    let firstRow = segment.rows.lowerBound
    for row in segment.rows {
      (dprojected.row(row) + shape.key(keyValueHead)).update(repeating: 0, count: width)
      (dprojected.row(row) + shape.value(keyValueHead)).update(repeating: 0, count: width)
    }
    for start in stride(from: 0, to: n, by: Self.queryBlock) {
      let queries = start..<min(start + Self.queryBlock, n)
      for member in 0..<shape.groupCount {
        let head = keyValueHead * shape.groupCount + member
        let first = probabilities(
          segment, queries: queries, head: head, keyValueHead: keyValueHead, tape.projected, tape.keys,
          window: window, into: scores.base, slopes: slopes?.base)
        let count = segment.pastCount + queries.upperBound - first
        let firstMemory = segment.memory.lowerBound + first
        let dout = dmixed.row(firstRow + start) + head * width
        Float.gemm(
          transposeA: false, transposeB: true, m: queries.count, n: count, k: width, alpha: 1, a: dout,
          lda: dmixed.width, b: tape.values.row(firstMemory) + keyValueHead * width, ldb: tape.values.width,
          beta: 0, c: gradients.base, ldc: count)
        for index in 0..<queries.count {
          let (p, dp) = (scores.base + index * count, gradients.base + index * count)
          let along = Float.dot(count: count, p, dp)
          for place in 0..<count { dp[place] = p[place] * (dp[place] - along) }
          if let slopes {
            let slope = slopes.base + index * count
            for place in 0..<count { dp[place] *= slope[place] }
          }
        }
        Float.gemm(
          transposeA: false, transposeB: false, m: queries.count, n: width, k: count, alpha: scale,
          a: gradients.base, lda: count, b: tape.keys.row(firstMemory) + keyValueHead * width,
          ldb: tape.keys.width, beta: 0, c: dprojected.row(firstRow + start) + shape.query(head),
          ldc: dprojected.width)
        // Only positions of this batch have a gradient: those after the past.
        let skipped = max(0, segment.pastCount - first)
        let fresh = first + skipped - segment.pastCount
        guard count > skipped else { continue }
        Float.gemm(
          transposeA: true, transposeB: false, m: count - skipped, n: width, k: queries.count, alpha: scale,
          a: gradients.base + skipped, lda: count,
          b: tape.projected.row(firstRow + start) + shape.query(head), ldb: tape.projected.width, beta: 1,
          c: dprojected.row(firstRow + fresh) + shape.key(keyValueHead), ldc: dprojected.width)
        Float.gemm(
          transposeA: true, transposeB: false, m: count - skipped, n: width, k: queries.count, alpha: 1,
          a: scores.base + skipped, lda: count, b: dout, ldb: dmixed.width, beta: 1,
          c: dprojected.row(firstRow + fresh) + shape.value(keyValueHead), ldc: dprojected.width)
      }
    }
  }
}
