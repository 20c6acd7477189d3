internal import Glibc
internal import Kernels
internal import ModelFiles

/// Looks for one factor g with W′ = round(g · W).
///
/// Each pair (w, w′) allows the factors between two bounds: those that take w to where numbers round to w′. The true one lies
/// between the bounds of every pair; with some pairs disturbed, between those of the most. A few thousand pairs are asked
/// first, so that a tensor of another kind costs next to nothing; all pairs of three tiles then leave about one number.
struct ScaleSearch: Sendable {
  let pair: TensorPair

  /// Pairs asked first.
  private static let sampleCount = 4096
  /// So many changed elements at least must speak.
  private static let leastCount = 32
  /// So many numbers within the bounds or next to them are tried.
  private static let candidateLimit = 40

  /// What roundings on the way may add to a bound, relative: that of the product to Float before it is rounded to 16 bits,
  /// and those of the bounds here.
  private var slack: Double { size == 2 ? 0x1p-23 : 0x1p-51 }

  private var type: ElementType { pair.before.elementType }
  private var size: Int { type.bitCount / 8 }

  /// Finds the factor; `nil` when most changed elements know none in common.
  func gain() throws -> Double? {
    guard type.isEditable, pair.tileCount > 0 else { return nil }
    let tiles = pair.sampleTiles
    let scratch = PairScratch()
    var bounds: GainBounds?
    // The middle first: the start of an embedding is full of special tokens.
    for tile in [tiles[tiles.count / 2]] + tiles where bounds == nil {
      let (before, after) = try pair.read(tile, scratch)
      guard let first = sampled(before, after) else { continue }
      guard first.agreesWithChanges else { return nil }
      bounds = first
    }
    guard var bounds else { return nil }
    for tile in tiles {
      let (before, after) = try pair.read(tile, scratch)
      bounds = bounds.narrowed(by: pairs(before, after, stride: 1))
    }
    return try best(of: bounds.candidates(type, slack: slack, limit: Self.candidateLimit), tiles, scratch)
  }

  /// What a few thousand pairs of a tile allow; `nil` when too few of its elements change.
  private func sampled(
    _ before: UnsafeMutableRawBufferPointer, _ after: UnsafeMutableRawBufferPointer
  ) -> GainBounds? {
    let pairs = pairs(before, after, stride: max(1, before.count / size / Self.sampleCount))
    guard pairs.count(where: \.isChanged) >= Self.leastCount else { return nil }
    return GainBounds.all.narrowed(by: pairs)
  }

  /// The pairs of a tile that tell something.
  private func pairs(
    _ before: UnsafeMutableRawBufferPointer, _ after: UnsafeMutableRawBufferPointer, stride step: Int
  ) -> [GainPair] {
    let count = before.count / size
    var pairs: [GainPair] = []
    pairs.reserveCapacity(count / step + 1)
    switch type {
    case .f64:
      for index in stride(from: 0, to: count, by: step) {
        let (w, e) = (before.load(UInt64.self, index), after.load(UInt64.self, index))
        pairs.append(Double(bitPattern: w), e, slack: slack) { Double(bitPattern: $0) }
      }
    case .f32:
      for index in stride(from: 0, to: count, by: step) {
        let (w, e) = (before.load(UInt32.self, index), after.load(UInt32.self, index))
        pairs.append(Double(Float(bitPattern: w)), e, slack: slack) { Double(Float(bitPattern: $0)) }
      }
    case .f16:
      for index in stride(from: 0, to: count, by: step) {
        let (w, e) = (before.load(UInt16.self, index), after.load(UInt16.self, index))
        pairs.append(Double(Float16(bitPattern: w)), e, slack: slack) { Double(Float16(bitPattern: $0)) }
      }
    default:
      for index in stride(from: 0, to: count, by: step) {
        let (w, e) = (before.load(UInt16.self, index), after.load(UInt16.self, index))
        pairs.append(Double(Float(bitPattern: UInt32(w) << 16)), e, slack: slack) {
          Double(Float(bitPattern: UInt32($0) << 16))
        }
      }
    }
    return pairs
  }

  /// The candidate that leads to the most elements of some tiles, the first of equals; 1 is none.
  private func best(of candidates: [Double], _ tiles: [Int], _ scratch: PairScratch) throws -> Double? {
    let result = TileBuffer()
    var wrong = [Int](repeating: 0, count: candidates.count)
    for tile in tiles {
      let (before, after) = try pair.read(tile, scratch)
      let count = before.count / size
      let scaled = result.bytes(before.count)
      for (index, gain) in candidates.enumerated() {
        errata_scale(type.kernelType, gain, before.baseAddress, scaled.baseAddress, count)
        wrong[index] += Int(errata_count_different(type.order, scaled.baseAddress, after.baseAddress, count))
      }
    }
    let best = candidates.indices.min { wrong[$0] < wrong[$1] }
    return best.map { candidates[$0] }.flatMap { $0 == 1 ? nil : $0 }
  }
}

/// What one element allows: factors from `low` to `high`; none when its sign changes.
struct GainPair {
  let low: Double
  let high: Double
  let isChanged: Bool
}

extension [GainPair] {
  /// Adds an element, if it is finite and tells something.
  fileprivate mutating func append<Bits: FixedWidthInteger>(
    _ w: Double, _ edited: Bits, slack: Double, _ value: (Bits) -> Double
  ) {
    let after = value(edited)
    guard w.isFinite, after.isFinite, w != 0 || after != 0 else { return }
    // A product may sink to zero, but then it says little.
    guard w == 0 || after != 0 else { return }
    guard w != 0, (w < 0) == (after < 0) else { return append(GainPair(low: 0, high: 0, isChanged: true)) }
    // Patterns of one sign count up with the magnitude.
    let (below, above) = (value(edited &- 1), value(edited &+ 1))
    let middle = abs(after)
    let upper = above.isFinite ? (middle + abs(above)) / 2 : middle
    let low = (middle + abs(below)) / 2 / abs(w)
    append(GainPair(low: low * (1 - slack), high: upper / abs(w) * (1 + slack), isChanged: w != after))
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func load<Bits: FixedWidthInteger>(_: Bits.Type, _ index: Int) -> Bits {
    load(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
  }
}

/// Between these factors the most elements agree.
struct GainBounds {
  let low: Double
  let high: Double
  /// Of the elements that changed, those that agree, and all.
  let changed: (agreeing: Int, all: Int)

  /// Before anything is known.
  static let all = GainBounds(low: 0, high: .infinity, changed: (0, 0))

  /// Whether the factor explains most of what changed. Where little changes, the most elements agree on 1; where all numbers
  /// move by a place up or down, half agree on one of the two.
  var agreesWithChanges: Bool { 5 * changed.agreeing >= 3 * changed.all }

  /// The part of these bounds that the most pairs allow.
  func narrowed(by pairs: [GainPair]) -> GainBounds {
    var steps: [(place: Double, isEnd: Bool)] = []
    var covering = 0
    for pair in pairs where pair.low <= high && pair.high >= low && pair.low < pair.high {
      if pair.low > low { steps.append((pair.low, false)) } else { covering += 1 }
      if pair.high < high { steps.append((pair.high, true)) }
    }
    // At one place beginnings come first: the bounds belong to what they bound.
    steps.sort { $0.place != $1.place ? $0.place < $1.place : !$0.isEnd && $1.isEnd }
    var best = (count: covering, low: low, high: steps.first?.place ?? high)
    for (index, step) in steps.enumerated() {
      covering += step.isEnd ? -1 : 1
      if covering > best.count {
        best = (covering, step.place, index + 1 < steps.count ? steps[index + 1].place : high)
      }
    }
    let agreeing = pairs.count { $0.isChanged && $0.low <= best.low && $0.high >= best.high }
    return GainBounds(low: best.low, high: best.high, changed: (agreeing, pairs.count(where: \.isChanged)))
  }

  /// Numbers within the bounds and next to them, as the arithmetic of a type has them, the one of the fewest digits first.
  ///
  /// - Parameter slack: what the bounds may be off by, relative: a disturbed element may have cut the true number away.
  func candidates(_ type: ElementType, slack: Double, limit: Int) -> [Double] {
    guard low > 0, high.isFinite else { return [] }
    func rounded(_ x: Double) -> Double { type == .f64 ? x : Double(Float(x)) }
    func next(_ x: Double) -> Double { type == .f64 ? x.nextUp : Double(Float(x).nextUp) }
    func previous(_ x: Double) -> Double { type == .f64 ? x.nextDown : Double(Float(x).nextDown) }
    var found: [Double] = []
    if let short = shortest(rounded) { found.append(short) }
    let middle = rounded((low + high) / 2)
    if !found.contains(middle) { found.append(middle) }
    var number = previous(rounded(low * (1 - 2 * slack)))
    let end = next(rounded(high * (1 + 2 * slack)))
    while number <= end, found.count < limit {
      if !found.contains(number) { found.append(number) }
      number = next(number)
    }
    return found.filter { $0 > 0 && $0.isFinite }
  }

  /// The number within the bounds that has the fewest decimal digits.
  private func shortest(_ rounded: (Double) -> Double) -> Double? {
    for digits in 0..<17 {
      let power = pow(10, Double(digits) - log10(high).rounded(.down))
      let decimal = rounded((low * power).rounded(.up) / power)
      if decimal >= low, decimal <= high, decimal > 0 { return decimal }
    }
    return nil
  }
}
