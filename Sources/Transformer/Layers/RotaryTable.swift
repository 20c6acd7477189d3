internal import Glibc
internal import ModelFiles

/// Cosines and sines of the angles at the positions of a batch.
struct RotaryTable: Sendable {
  private let dimensions: Int
  private let isInterleaved: Bool
  private let first: Int
  private let cosines: [Float]
  private let sines: [Float]
  /// Where the angles of long texts begin; `nil` where a text's length changes nothing, or no text is long.
  private let long: (start: Int, above: Int)?

  init(_ rotary: Rotary, positions: Range<Int>) {
    dimensions = rotary.dimensions
    isInterleaved = rotary.isInterleaved
    first = positions.lowerBound
    var cosines: [Float] = []
    var sines: [Float] = []
    let limit = rotary.originalPositions.flatMap { positions.upperBound > $0 ? $0 : nil }
    long = limit.map { (positions.count * rotary.dimensions / 2, $0) }
    let count = positions.count * rotary.dimensions / 2 * (long == nil ? 1 : 2)
    cosines.reserveCapacity(count)
    sines.reserveCapacity(count)
    for isLong in long == nil ? [false] : [false, true] {
      let frequencies = rotary.frequencies(isLong: isLong)
      for position in positions {
        for frequency in frequencies {
          // Angles in Double: at position 10⁵ a Float angle is off by 10⁻².
          cosines.append(Float(rotary.magnitude * cos(Double(position) * frequency)))
          sines.append(Float(rotary.magnitude * sin(Double(position) * frequency)))
        }
      }
    }
    self.cosines = cosines
    self.sines = sines
  }

  /// Turns one head's vector in place; backwards for gradients.
  ///
  /// - Parameter length: positions of the whole text.
  func turn(_ head: UnsafeMutablePointer<Float>, position: Int, of length: Int, backwards: Bool = false) {
    let pairs = dimensions / 2
    var start = (position - first) * pairs
    if let long, length > long.above { start += long.start }
    let sign: Float = backwards ? -1 : 1
    precondition(start >= 0 && start + pairs <= cosines.count, "a position of the batch")
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        // SAFETY: the range of the table was checked; a head is at least `dimensions` long.
        for pair in 0..<pairs {
          let (c, s) = (cosines[start + pair], sign * sines[start + pair])
          let (i, j) = isInterleaved ? (2 * pair, 2 * pair + 1) : (pair, pair + pairs)
          let (x, y) = (head[i], head[j])
          head[i] = x * c - y * s
          head[j] = x * s + y * c
        }
      }
    }
  }
}

/// The tables of all layers; layers that turn alike share one.
struct RotaryTables: Sendable {
  private var tables: [RotaryTable] = []
  /// For each layer the place of its table; `nil` where nothing is turned.
  private var places: [Int?] = []

  init(_ how: NetworkConfiguration.Positions, positions: Range<Int>) {
    guard case .rotary(let layers) = how else { return }
    var known: [Rotary] = []
    for rotary in layers {
      guard let rotary else {
        places.append(nil)
        continue
      }
      if let place = known.firstIndex(of: rotary) {
        places.append(place)
        continue
      }
      places.append(known.count)
      known.append(rotary)
      tables.append(RotaryTable(rotary, positions: positions))
    }
  }

  /// The table of a layer; `nil` where nothing is turned.
  subscript(layer: Int) -> RotaryTable? {
    guard places.indices.contains(layer), let place = places[layer] else { return nil }
    return tables[place]
  }
}
