/// A part of a tensor that holds several of one kind: `NAME[i]` is the i-th along the first of three axes, as experts are stacked.
///
/// Its bytes lie together, so it is read, digested and changed as a tensor of two axes.
public struct TensorSlice: Equatable, Sendable {
  /// The tensor's own name.
  public let stack: String
  /// Which part, from 0.
  public let index: Int

  /// The part that a name is of; `nil` for a name that is of none.
  public init?(_ name: String) {
    guard name.hasSuffix("]"), let bracket = name.lastIndex(of: "["), bracket > name.startIndex else {
      return nil
    }
    let digits = name[name.index(after: bracket)...].dropLast()
    // One way to write a number, so that a part has one name.
    guard (1...6).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      digits.count == 1 || digits.first != "0", let index = Int(digits)
    else { return nil }
    self.stack = String(name[..<bracket])
    self.index = index
  }
}

extension TensorInfo {
  /// One of the parts along the first of three axes, under a name of its own; `nil` where there is none.
  func slice(_ index: Int, named name: String) -> TensorInfo? {
    guard shape.count == 3, index >= 0, index < shape[0], byteCount % shape[0] == 0,
      let size = try? elementType.byteCount(shape: Array(shape[1...])), size * shape[0] == byteCount
    else { return nil }
    let start = byteRange.lowerBound + index * size
    return TensorInfo(
      name: name, elementType: elementType, shape: Array(shape[1...]), byteRange: start..<start + size,
      shard: shard)
  }
}

extension TensorInfo {
  /// How many matrices the tensor holds that are worth being compared one by one, as those of experts are; 0 for any other tensor.
  package var partCount: Int {
    guard shape.count == 3, shape[1] >= 8, shape[2] >= 8, (2...4096).contains(shape[0]),
      slice(0, named: name) != nil
    else { return 0 }
    return shape[0]
  }
}

extension ModelFile {
  /// Whether the model has a tensor of this name, or the tensor that it is a part of.
  public func holds(_ name: String) -> Bool { contains(name) || slice(named: name) != nil }

  /// The part of a tensor that a name is of.
  func slice(named name: String) -> TensorInfo? {
    guard let part = TensorSlice(name), contains(part.stack), let stack = try? tensor(part.stack) else {
      return nil
    }
    return stack.slice(part.index, named: name)
  }
}
