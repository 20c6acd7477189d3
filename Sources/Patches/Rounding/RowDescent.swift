internal import Kernels
internal import LinearAlgebra
internal import ModelFiles

/// The ranks of a tensor's elements: the place of each among the values that its block offers.
final class Ranks: @unchecked Sendable {
  // SAFETY: allocated once with one byte an element; rows do not overlap, and no two threads are given the same.
  private let storage: UnsafeMutablePointer<UInt8>
  private let (rows, columns): (Int, Int)
  private let type: ElementType

  init(of tensor: TensorInfo, bytes: [UInt8]) {
    (rows, columns, type) = (tensor.shape[0], tensor.shape[1], tensor.elementType)
    storage = .allocate(capacity: max(rows * columns, 1))
    bytes.withUnsafeBytes {
      errata_get_ranks(type.blockType, $0.baseAddress, storage, rows * columns / type.blockElementCount)
    }
  }

  deinit { storage.deallocate() }

  func row(_ row: Int) -> UnsafeMutablePointer<UInt8> { storage + row * columns }

  /// The tensor with these ranks.
  func bytes(_ base: [UInt8]) -> [UInt8] {
    var bytes = base
    bytes.withUnsafeMutableBytes {
      errata_put_ranks(type.blockType, $0.baseAddress, storage, rows * columns / type.blockElementCount)
    }
    return bytes
  }
}

/// H = diag P + Σ w k kᵀ as the descent reads it: never as a matrix.
struct RoundingForm: Sendable {
  /// The diagonal of P. `[inputs]`
  let known: [Float]
  /// w of each key.
  let weights: [Float]
  /// The diagonal of H. `[inputs]`
  let curvature: [Float]
  /// The keys, `errata_chunk` inputs of all of them at a time.
  let packed: [Float]

  /// - Parameter keys: `[keys × inputs]`
  init(known: [Float], keys: Matrix<Float>, weights: [Float]) {
    let (width, chunk) = (known.count, Int(errata_chunk))
    var packed = [Float](repeating: 0, count: (width + chunk - 1) / chunk * chunk * keys.rows)
    var curvature = known
    for key in 0..<keys.rows {
      for (index, value) in keys.row(key).enumerated() {
        packed[(index / chunk * keys.rows + key) * chunk + index % chunk] = value
        curvature[index] += weights[key] * value * value
      }
    }
    (self.known, self.weights, self.curvature, self.packed) = (known, weights, curvature, packed)
  }
}

/// One thread's row on its way down.
final class RowDescent {
  private let type: ElementType
  private let form: RoundingForm
  private var grid: errata_grid
  private var row: errata_row
  // SAFETY: allocated in `init` with a place for each input (or key, or chunk), freed in `deinit`; the C functions stay within `width`.
  private let floats: UnsafeMutablePointer<Float>
  private let baseRanks: UnsafeMutablePointer<UInt8>
  /// What the row is off by. `[inputs]`
  let error: UnsafeMutablePointer<Float>
  private let width: Int
  /// J before, from the base's codes, and after.
  private(set) var (before, after) = (0.0, 0.0)
  /// Codes that are others than the base's.
  private(set) var changedCount = 0
  /// Of each key, what it gets less what is wanted.
  private(set) var missed: [Double]

  init(_ type: ElementType, _ form: RoundingForm) {
    let (width, keys) = (form.known.count, form.weights.count)
    (self.type, self.form, self.width) = (type, form, width)
    grid = errata_grid_of(type.blockType)
    floats = .allocate(capacity: 9 * width + 3 * keys + form.packed.count)
    floats.initialize(repeating: 0, count: 9 * width + 3 * keys + form.packed.count)
    baseRanks = .allocate(capacity: width)
    var next = floats
    func room(_ count: Int, _ values: [Float]? = nil) -> UnsafeMutablePointer<Float> {
      defer { next += count }
      values?.withUnsafeBufferPointer { next.update(from: $0.baseAddress!, count: count) }
      return next
    }
    error = room(width)
    let chunks = (width + Int(errata_chunk) - 1) / Int(errata_chunk)
    row = errata_row(
      width: width, key_count: keys, keys: room(form.packed.count, form.packed),
      weights: room(keys, form.weights), known: room(width, form.known),
      curvature: room(width, form.curvature), pull: 0, rest: room(width), along: room(keys), up: room(width),
      down: room(width), price: room(width), ranks: nil, steps: room(width), best: .allocate(capacity: chunks)
    )
    missed = [Double](repeating: 0, count: keys)
  }

  deinit {
    floats.deallocate()
    baseRanks.deallocate()
    row.best.deallocate()
  }

  /// Moves the ranks of a row from where they are.
  ///
  /// - Parameters:
  ///   - bytes: the row as the base has it.
  ///   - update: Δ of this row. `[inputs]`
  ///   - pull: what the rows before ask of this one; J before and after are without it.
  func run(
    _ bytes: ArraySlice<UInt8>, _ ranks: UnsafeMutablePointer<UInt8>, update: UnsafePointer<Float>,
    pull: RowCoupling.Pull? = nil
  ) {
    let blockCount = width / type.blockElementCount
    let steps = UnsafeMutablePointer(mutating: row.steps!)
    bytes.withUnsafeBytes {
      errata_get_ranks(type.blockType, $0.baseAddress, baseRanks, blockCount)
      errata_get_steps(type.blockType, $0.baseAddress, steps, blockCount)
    }
    // What J is with the base's codes: e = −Δ.
    errata_key_products(row.keys, row.key_count, update, row.along, width)
    before = 0
    for index in 0..<width { before += Double(row.known[index] * update[index]) * Double(update[index]) }
    for key in missed.indices {
      before += Double(row.weights[key]) * Double(row.along[key]) * Double(row.along[key])
    }
    // A row that is asked for nothing stays.
    guard before > 0, before.isFinite else {
      (before, after, changedCount) = (0, 0, 0)
      for index in 0..<width { error[index] = -update[index] }
      for key in missed.indices { missed[key] = Double(-row.along[key]) }
      return
    }
    let neighbors = type.blockElementCount
    row.ranks = ranks
    row.pull = pull?.strength ?? 0
    errata_begin_row(
      &grid, &row, baseRanks, update, pull?.asked, AwareRounding.blockPrice * Float(before), neighbors, error)
    _ = errata_descend(&grid, &row, AwareRounding.leastGain * Float(before), neighbors, 8 * width)
    finish(update, ranks)
  }

  private func finish(_ update: UnsafePointer<Float>, _ ranks: UnsafePointer<UInt8>) {
    (after, changedCount) = (0, 0)
    withUnsafeBytes(of: &grid.units) { bytes in
      let units = bytes.baseAddress!.assumingMemoryBound(to: Float.self)
      for index in 0..<width {
        let isMoved = ranks[index] != baseRanks[index]
        if isMoved { changedCount += 1 }
        let moved =
          isMoved ? row.steps[index] * (units[Int(ranks[index])] - units[Int(baseRanks[index])]) : 0
        error[index] = moved - update[index]
        after += Double(row.known[index] * error[index]) * Double(error[index])
      }
    }
    for key in missed.indices {
      let (weight, along) = (Double(row.weights[key]), Double(row.along[key]))
      missed[key] = along / weight
      after += along * along / weight
    }
  }
}
