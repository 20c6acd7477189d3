internal import Floor
public import ModelFiles

internal import Patches

/// Second moments on disk: `Formats/statistics.md`.
///
/// Sums and counts, never means, so that shards add up.
public struct StatisticsFile: Sendable {
  /// The tensors of the file.
  public let container: ModelFile
  /// Whether begin-of-text tokens are left out of the second moments, where the file keeps them apart.
  public var excludesBegin = false
  /// Edited weights that the file has a second moment of, sorted.
  public let weights: [String]

  static let sumSuffix = ".second_moment_sum"
  static let countSuffix = ".token_count"
  static let reachedSuffix = ".reached_count"

  /// Whether it is an importance matrix of llama.cpp, which has the diagonals of second moments and nothing else of them.
  public let isDiagonal: Bool

  /// Opens a statistics file and checks that sums and counts come in pairs of the right shape.
  public init(_ path: String) throws {
    container = try ModelFile(path)
    try container.require(.statistics)
    isDiagonal = container.format == .gguf
    guard !isDiagonal else {
      weights = try Self.imatrixWeights(of: container)
      return
    }
    let names = container.tensors.map(\.name)
    weights = names.filter { $0.hasSuffix(Self.sumSuffix) }.map { String($0.dropLast(Self.sumSuffix.count)) }
      .sorted()
    guard !weights.isEmpty else {
      throw ModelFileError(.noSuchTensor, file: path, tensor: "*" + Self.sumSuffix)
    }
    for weight in weights {
      let sum = try container.tensor(weight + Self.sumSuffix)
      guard sum.elementType == .f32 || sum.elementType == .f64 else {
        throw ModelFileError(
          .elementTypeMismatch(expected: [.f32, .f64], found: sum.elementType), file: path, tensor: sum.name)
      }
      guard sum.shape.count == 2, sum.shape[0] == sum.shape[1], sum.shape[0] > 0 else {
        let rows = sum.shape.first ?? 0
        let expected = sum.shape.count == 2 && rows > 0 ? [rows, rows] : [-1, -1]
        throw ModelFileError(
          .shapeMismatch(expected: expected, found: sum.shape), file: path, tensor: sum.name)
      }
      _ = try tokenCount(of: weight)
    }
  }

  /// How a collection names the model, in the note `model`.
  static func note(of model: ModelFile) throws -> String {
    "fingerprint:\(try model.fingerprint().hexadecimal)"
  }

  /// Whose keys the file says it is of.
  public enum Origin: Equatable, Sendable { case unnamed, thisModel, otherModel }

  /// Whether the keys are of a model, as far as the file says so. Names that people gave are believed.
  public func origin(for model: ModelFile) throws -> Origin {
    guard let note = container.note("model") else { return .unnamed }
    guard note.hasPrefix("fingerprint:") else { return .thisModel }
    return note == (try Self.note(of: model)) ? .thisModel : .otherModel
  }

  /// Width of a weight's input.
  public func inputWidth(of weight: String) throws -> Int {
    isDiagonal
      ? try container.tensor(weight + Self.squaresSuffix).elementCount
      : try container.tensor(weight + Self.sumSuffix).shape[0]
  }

  /// Tokens that a weight's sum runs over.
  public func tokenCount(of weight: String) throws -> Int {
    let tokens =
      isDiagonal ? try imatrixCount(of: weight) : try count(weight + Self.countSuffix)
    return try naming(weight) {
      guard tokens > 0 else { throw EditError.noTokens(tokenCount: tokens) }
      return tokens
    }
  }

  /// Tokens whose keys are not all 0: those that go through an expert; `nil` for a weight that all go through.
  public func reachedCount(of weight: String) throws -> Int? {
    let name = weight + Self.reachedSuffix
    guard container.contains(name) else { return nil }
    let (reached, tokens) = (try count(name), try tokenCount(of: weight))
    guard reached >= 0, reached <= tokens else {
      throw StatisticsError.reachedCountAboveTokens(
        file: container.path, weight: weight, reached: reached, tokens: tokens)
    }
    return reached
  }

  /// Says of which file and weight it is when what stands there is no second moment.
  func naming<Result: ~Copyable>(_ weight: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as EditError {
      if case .ofStatistics = error { throw error }
      throw EditError.ofStatistics(file: container.path, weight: weight, error)
    }
  }

  /// A count of tokens, as it stands there.
  func count(_ name: String) throws -> Int {
    let tensor = try container.tensor(name)
    let file = container.file(of: tensor)
    guard tensor.elementType == .i64 else {
      throw ModelFileError(
        .elementTypeMismatch(expected: [.i64], found: tensor.elementType), file: file.path,
        tensor: tensor.name)
    }
    guard tensor.elementCount == 1 else {
      throw ModelFileError(
        .shapeMismatch(expected: [1], found: tensor.shape), file: file.path, tensor: tensor.name)
    }
    let bytes = try file.read(8, at: tensor.byteRange.lowerBound)
    let count = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }
    return Int(count)
  }

  /// Reads the second moment of a weight.
  ///
  /// - Throws: `StatisticsError.noStatistics` for a weight that the file has none of.
  public func secondMoment(of weight: String) throws -> SecondMoment {
    try requireStatistics(of: weight)
    return try naming(weight) {
      excludesBegin ? try secondMomentWithoutBegin(of: weight) : try wholeSecondMoment(of: weight)
    }
  }

  /// The diagonal of C = (1/T) Σ k kᵀ alone, of which no more is read.
  ///
  /// - Throws: `StatisticsError.noStatistics` for a weight that the file has none of; `ModelFileError` for numbers that are none.
  func secondMomentDiagonal(of weight: String) throws -> [Double] {
    try requireStatistics(of: weight)
    return try naming(weight) {
      var sums = try isDiagonal ? imatrixSums(of: weight) : container.diagonal(weight + Self.sumSuffix)
      var count = try tokenCount(of: weight)
      if excludesBegin, let begin = try beginKey(of: weight) {
        for (index, key) in begin.key.enumerated() {
          sums[index] = max(0, sums[index] - Double(begin.count) * Double(key) * Double(key))
        }
        count -= begin.count
      }
      guard count > 0 else { throw EditError.noTokens(tokenCount: count) }
      return sums.map { $0 / Double(count) }
    }
  }

  func wholeSecondMoment(of weight: String) throws -> SecondMoment {
    if isDiagonal { return try imatrixMoment(of: weight) }
    return try SecondMoment(
      sum: try container.matrix(weight + Self.sumSuffix), tokenCount: try tokenCount(of: weight))
  }

  /// What the second moments of weights are, whatever the file is called: a digest of their content.
  ///
  /// - Throws: `StatisticsError.noStatistics`.
  func identity(of weights: [String], threads: Int) throws -> String {
    var bytes = Array(excludesBegin ? "without begin\n".utf8 : "".utf8)
    for weight in weights.sorted() {
      try requireStatistics(of: weight)
      for name
        in (isDiagonal ? [Self.squaresSuffix, Self.countsSuffix] : [Self.sumSuffix, Self.countSuffix])
        .map({ weight + $0 })
      {
        let tensor = try container.tensor(name)
        bytes += Array("\(name)\n".utf8)
        bytes += try container.digest(of: tensor, threads: threads).bytes
      }
    }
    return Digest(of: bytes).hexadecimal
  }

  private func requireStatistics(of weight: String) throws {
    guard !weights.contains(weight) else { return }
    throw StatisticsError.noStatistics(file: container.path, weight: weight, weights: weights)
  }

  /// The tensors of one weight, to be written.
  static func tensors(
    weight: String, width: Int, type: ElementType, tokenCount: Int,
    sum: @escaping (OpenFile, Int) throws -> Void
  ) -> [NewTensor] {
    [
      NewTensor(name: weight + sumSuffix, elementType: type, shape: [width, width], write: sum),
      NewTensor(name: weight + countSuffix, elementType: .i64, shape: [1], elements: [Int64(tokenCount)]),
    ]
  }
}
