internal import ModelFiles

extension StatisticsFile {
  /// Adds shards up: every weight of any shard, sums in Double, counts exactly.
  ///
  /// The addition carries the rounding error of each step along (TwoSum; Knuth, The Art of Computer Programming 2,
  /// 4.2.2), so the order of the shards shows in no bit but for very rare ties.
  ///
  /// - Parameter isIncomplete: whether parts of a text may be missing, because they come later.
  public static func merge(
    _ shards: [StatisticsFile], to path: String, isIncomplete: Bool = false
  ) throws {
    if let imatrix = shards.first(where: \.isDiagonal) {
      throw StatisticsError.onlyDiagonal(file: imatrix.container.path)
    }
    let models = shards.compactMap { shard in shard.container.note("model").map { (shard.container.path, $0) }
    }
    if let first = models.first, let other = models.first(where: { $0.1 != first.1 }) {
      throw StatisticsError.differentModels(
        first: first.0, firstModel: first.1, second: other.0, secondModel: other.1)
    }
    if !isIncomplete {
      for shard in shards {
        guard let documents = shard.container.note(PartialStatistics.progressNote) else { continue }
        throw StatisticsError.unfinishedStatistics(file: shard.container.path, documents: documents)
      }
    }
    var tensors: [NewTensor] = []
    for weight in Set(shards.flatMap(\.weights)).sorted() {
      let holders = shards.filter { $0.weights.contains(weight) }
      try StatisticsParts(holders).check(isIncomplete: isIncomplete)
      let width = try holders[0].inputWidth(of: weight)
      var count = 0
      for shard in holders {
        let other = try shard.inputWidth(of: weight)
        guard other == width else {
          throw StatisticsError.differentWidths(
            weight: weight, first: holders[0].container.path, firstWidth: width,
            second: shard.container.path, secondWidth: other)
        }
        let (total, overflow) = count.addingReportingOverflow(try shard.tokenCount(of: weight))
        guard !overflow else {
          throw StatisticsError.tokenCountOverflow(weight: weight, files: holders.map(\.container.path))
        }
        count = total
      }
      tensors += Self.tensors(weight: weight, width: width, type: .f64, tokenCount: count) { file, offset in
        try addUp(holders, weight: weight, width: width, to: file, at: offset)
      }
      let reached = try holders.compactMap { try $0.reachedCount(of: weight) }
      if reached.count == holders.count {
        tensors.append(
          NewTensor(
            name: weight + reachedSuffix, elementType: .i64, shape: [1],
            elements: [Int64(reached.reduce(0, +))]))
      }
      tensors += try beginTensors(weight: weight, width: width, merging: holders)
    }
    var notes: [(key: String, value: String)] = []
    for key in ["model", "corpus"] {
      let values = shards.compactMap { $0.container.note(key) }
      // Sorted, so that the order of the shards does not show here either.
      if !values.isEmpty { notes.append((key, Set(values).sorted().joined(separator: " + "))) }
    }
    try SafetensorsWriter.write(tensors, metadata: notes, to: path)
  }

  /// Row by row, so that memory does not grow with the width.
  private static func addUp(
    _ shards: [StatisticsFile], weight: String, width: Int, to file: OpenFile, at offset: Int
  ) throws {
    let sources = try shards.map { shard in
      let tensor = try shard.container.tensor(weight + sumSuffix)
      return (tensor: tensor, file: shard.container.file(of: tensor))
    }
    for row in 0..<width {
      var sums = [Double](repeating: 0, count: width)
      var errors = [Double](repeating: 0, count: width)
      for source in sources {
        let size = source.tensor.elementType.bitCount / 8
        let bytes = try source.file.read(
          width * size, at: source.tensor.byteRange.lowerBound + row * width * size)
        try bytes.withUnsafeBytes { bytes in
          for column in 0..<width {
            let term =
              size == 8
              ? bytes.loadUnaligned(fromByteOffset: 8 * column, as: Double.self)
              : Double(bytes.loadUnaligned(fromByteOffset: 4 * column, as: Float.self))
            guard term.isFinite else {
              throw ModelFileError(
                .notFinite(index: row * width + column), file: source.file.path, tensor: source.tensor.name)
            }
            let sum = sums[column] + term
            let shadow = sum - sums[column]
            errors[column] += (sums[column] - (sum - shadow)) + (term - shadow)
            sums[column] = sum
          }
        }
      }
      for column in 0..<width { sums[column] += errors[column] }
      if let column = sums.firstIndex(where: { !$0.isFinite }) {
        throw ModelFileError(
          .notFinite(index: row * width + column), file: file.path, tensor: weight + sumSuffix)
      }
      try sums.withUnsafeBytes { try file.write($0, at: offset + row * width * 8) }
    }
  }
}
