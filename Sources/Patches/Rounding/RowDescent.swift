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

/// One thread's row on its way down.
final class RowDescent {
  private let type: ElementType
  private let width: Int
  private var grid: errata_grid
  private let units: [Float]
  private var baseRanks: [UInt8]
  private var gradient: [Float]
  private var steps: [Float]
  private var up: [Float]
  private var down: [Float]
  private var price: [Float]
  private var moved: [Float]
  private var curvature: [Float]
  /// J before, from the base's codes, and after.
  private(set) var (before, after) = (0.0, 0.0)
  /// Codes that are others than the base's.
  private(set) var changedCount = 0

  init(_ type: ElementType, width: Int) {
    self.type = type
    self.width = width
    grid = errata_grid_of(type.blockType)
    units = withUnsafeBytes(of: grid.units) { Array($0.bindMemory(to: Float.self)) }
    baseRanks = [UInt8](repeating: 0, count: width)
    gradient = [Float](repeating: 0, count: width)
    (steps, up, down, price, moved, curvature) = (gradient, gradient, gradient, gradient, gradient, gradient)
  }

  private func unit(_ rank: UInt8) -> Float { units[Int(rank)] }

  /// Moves the ranks of a row from where they are.
  ///
  /// - Parameters:
  ///   - bytes: the row as the base has it.
  ///   - update: Δ of this row, and `product` ΔH.
  ///   - diagonal: of H.
  ///   - pull: what the rows before ask of this one; J before and after are without it.
  func run(
    _ bytes: ArraySlice<UInt8>, _ ranks: UnsafeMutablePointer<UInt8>, update: ArraySlice<Float>,
    product: ArraySlice<Float>, _ hessian: Matrix<Float>, _ diagonal: [Float], pull: RowCoupling.Pull? = nil
  ) {
    let blockCount = width / type.blockElementCount
    bytes.withUnsafeBytes {
      errata_get_ranks(type.blockType, $0.baseAddress, &baseRanks, blockCount)
      errata_get_steps(type.blockType, $0.baseAddress, &steps, blockCount)
    }
    before = 0
    for (index, (change, product)) in zip(update, product).enumerated() {
      gradient[index] = -product
      before += Double(change) * Double(product)
    }
    // A row that is asked for nothing stays.
    guard before > 0, before.isFinite else {
      (before, after, changedCount) = (0, 0, 0)
      for index in 0..<width { moved[index] = 0 }
      return
    }
    hessian.withUnsafeBufferPointer { hessian in
      // SAFETY: H has `width` rows of `width` numbers, and all arrays here have as many elements.
      let rows = hessian.baseAddress!
      for index in 0..<width { price[index] = AwareRounding.blockPrice * Float(before) }
      let neighbors = type.blockElementCount
      for index in 0..<width where ranks[index] != baseRanks[index] {
        let change = steps[index] * (unit(ranks[index]) - unit(baseRanks[index]))
        errata_add_row(&gradient, rows + index * width, change, width)
        let first = index / neighbors * neighbors
        if price[first] != 0 { for other in first..<first + neighbors { price[other] = 0 } }
      }
      for index in 0..<width {
        let rank = ranks[index]
        up[index] = rank < UInt8(grid.highest) ? steps[index] * (unit(rank + 1) - unit(rank)) : 0
        down[index] = rank > UInt8(grid.lowest) ? steps[index] * (unit(rank - 1) - unit(rank)) : 0
      }
      if let pull {
        for index in 0..<width {
          gradient[index] += pull.gradient[index]
          curvature[index] = diagonal[index] + pull.curvature[index]
        }
      }
      var gained = 0.0
      (pull == nil ? diagonal : curvature).withUnsafeBufferPointer { diagonal in
        gradient.withUnsafeMutableBufferPointer { gradient in
          up.withUnsafeMutableBufferPointer { up in
            down.withUnsafeMutableBufferPointer { down in
              price.withUnsafeMutableBufferPointer { price in
                steps.withUnsafeBufferPointer { steps in
                  withUnsafePointer(toElementsOf: pull?.curvature) { own in
                    var row = errata_row(
                      width: width, gradient: gradient.baseAddress, up: up.baseAddress,
                      down: down.baseAddress,
                      diagonal: diagonal.baseAddress, own: own, price: price.baseAddress, ranks: ranks,
                      steps: steps.baseAddress)
                    _ = errata_descend(
                      &grid, &row, rows, width, AwareRounding.leastGain * Float(before), neighbors, 8 * width,
                      &gained)
                  }
                }
              }
            }
          }
        }
      }
    }
    if let pull {
      // What J itself has become.
      for index in 0..<width where ranks[index] != baseRanks[index] {
        let step = steps[index] * (unit(ranks[index]) - unit(baseRanks[index]))
        gradient[index] -= pull.curvature[index] * step
      }
      for index in 0..<width { gradient[index] -= pull.gradient[index] }
    }
    after = 0
    changedCount = 0
    for (index, change) in update.enumerated() {
      let isMoved = ranks[index] != baseRanks[index]
      moved[index] = isMoved ? steps[index] * (unit(ranks[index]) - unit(baseRanks[index])) : 0
      if isMoved { changedCount += 1 }
      after += Double(moved[index] - change) * Double(gradient[index])
    }
  }

  /// What the row moved by.
  func copyMoved(to target: UnsafeMutablePointer<Float>) {
    moved.withUnsafeBufferPointer { target.update(from: $0.baseAddress!, count: width) }
  }
}

/// An array's elements, or nothing.
private func withUnsafePointer<Result>(
  toElementsOf array: [Float]?, _ body: (UnsafePointer<Float>?) -> Result
) -> Result {
  array.map { $0.withUnsafeBufferPointer { body($0.baseAddress) } } ?? body(nil)
}
