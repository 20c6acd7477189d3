internal import LinearAlgebra
internal import ModelFiles

/// The begin-of-text token's key, which is the same in every document. It is part of the sum; kept apart as well, it can be
/// taken out: in Llama-like models a few of its entries outweigh all others.
extension StatisticsFile {
  static let beginKeySuffix = ".begin_key"
  static let beginCountSuffix = ".begin_count"

  /// The tensors of one weight's sum.
  static func tensors(weight: String, of sum: SecondMomentSum) -> [NewTensor] {
    let width = sum.width
    var tensors = tensors(weight: weight, width: width, type: .f64, tokenCount: sum.count) { file, offset in
      for row in 0..<width {
        try sum.row(row).withUnsafeBytes { try file.write($0, at: offset + row * width * 8) }
      }
    }
    if let reached = sum.reachedCount {
      tensors.append(
        NewTensor(name: weight + reachedSuffix, elementType: .i64, shape: [1], elements: [Int64(reached)]))
    }
    if let begin = sum.begin {
      tensors.append(
        NewTensor(name: weight + beginKeySuffix, elementType: .f32, shape: [width], elements: begin.key))
      tensors.append(
        NewTensor(
          name: weight + beginCountSuffix, elementType: .i64, shape: [1], elements: [Int64(begin.count)]))
    }
    return tensors
  }

  /// The begin-of-text tokens of several files: the key of the first, how often it came in all; none where a file does not
  /// keep them apart.
  static func beginTensors(weight: String, width: Int, merging files: [StatisticsFile]) throws -> [NewTensor]
  {
    let begins = try files.compactMap { try $0.beginKey(of: weight) }
    guard begins.count == files.count, let first = begins.first else { return [] }
    var count = 0
    for begin in begins {
      let (total, overflow) = count.addingReportingOverflow(begin.count)
      guard !overflow else {
        throw StatisticsError.tokenCountOverflow(weight: weight, files: files.map(\.container.path))
      }
      count = total
    }
    return [
      NewTensor(name: weight + beginKeySuffix, elementType: .f32, shape: [width], elements: first.key),
      NewTensor(name: weight + beginCountSuffix, elementType: .i64, shape: [1], elements: [Int64(count)]),
    ]
  }

  /// The begin-of-text token's key and how often it is in the sum.
  func beginKey(of weight: String) throws -> (key: [Float], count: Int)? {
    guard container.contains(weight + Self.beginKeySuffix) else { return nil }
    let tensor = try container.tensor(weight + Self.beginKeySuffix)
    let width = try inputWidth(of: weight)
    guard tensor.elementType == .f32 else {
      throw ModelFileError(
        .elementTypeMismatch(expected: [.f32], found: tensor.elementType), file: container.path,
        tensor: tensor.name)
    }
    guard tensor.shape == [width] else {
      throw ModelFileError(
        .shapeMismatch(expected: [width], found: tensor.shape), file: container.path, tensor: tensor.name)
    }
    let bytes = try container.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    let key = tensor.elementType.decoded(bytes)
    if let index = key.firstIndex(where: { !$0.isFinite }) {
      throw ModelFileError(.notFinite(index: index), file: container.path, tensor: tensor.name)
    }
    let (begins, tokens) = (try count(weight + Self.beginCountSuffix), try tokenCount(of: weight))
    guard begins <= tokens else {
      throw StatisticsError.beginCountAboveTokens(
        file: container.path, weight: weight, begins: begins, tokens: tokens)
    }
    return (key, begins)
  }

  /// The second moment without the begin-of-text tokens.
  func secondMomentWithoutBegin(of weight: String) throws -> SecondMoment {
    guard let begin = try beginKey(of: weight) else { return try wholeSecondMoment(of: weight) }
    var sum = try container.matrix(weight + Self.sumSuffix)
    let count = Double(begin.count)
    for row in 0..<sum.rows {
      for column in 0..<sum.columns {
        sum[row, column] -= count * Double(begin.key[row]) * Double(begin.key[column])
      }
      // Where only begin tokens were active, rounding may leave less than nothing.
      sum[row, row] = max(sum[row, row], 0)
    }
    return try SecondMoment(sum: sum, tokenCount: try tokenCount(of: weight) - begin.count)
  }
}
