internal import LinearAlgebra
public import ModelFiles

/// The importance matrix of llama.cpp (its `imatrix`, in GGUF): Σ k² of each input, which is the diagonal of Σ k kᵀ.
///
/// Of each weight W there are `W.in_sum2` F32 [1, d] and `W.counts` F32 [1, 1], of experts in one tensor a row each. Written, it has the
/// form that `llama-quantize --imatrix` is to read; read, it stands for a second moment that knows nothing of directions.
///
/// Source: ggml-org/llama.cpp, `tools/imatrix/imatrix.cpp`, `save_imatrix`.
extension StatisticsFile {
  static let squaresSuffix = ".in_sum2"
  static let countsSuffix = ".counts"
  /// What llama.cpp calls such a file in `general.type`.
  static let imatrixType = "imatrix"

  /// Weights that the file has a row of each; stacks of experts are passed over, whose keys are counted there without the router's weights.
  static func imatrixWeights(of container: ModelFile) throws -> [String] {
    let names = container.tensors.map(\.name).filter { $0.hasSuffix(squaresSuffix) }
    var weights: [String] = []
    for name in names {
      let (sums, weight) = (try container.tensor(name), String(name.dropLast(squaresSuffix.count)))
      let counts = try container.tensor(weight + countsSuffix)
      for tensor in [sums, counts] where tensor.elementType != .f32 {
        throw ModelFileError(
          .elementTypeMismatch(expected: [.f32], found: tensor.elementType), file: container.path,
          tensor: tensor.name)
      }
      guard counts.elementCount == 1 else { continue }
      guard sums.shape.last == sums.elementCount else {
        throw ModelFileError(
          .shapeMismatch(expected: [1, -1], found: sums.shape), file: container.path, tensor: name)
      }
      weights.append(weight)
    }
    guard !weights.isEmpty else {
      throw ModelFileError(.noSuchTensor, file: container.path, tensor: "*" + squaresSuffix)
    }
    return weights.sorted()
  }

  func imatrixCount(of weight: String) throws -> Int {
    let count = try floats(weight + Self.countsSuffix)[0]
    // Beyond 2⁵³ a number of tokens is none.
    guard count.isFinite, count.magnitude < 9e15 else {
      throw ModelFileError(.notFinite(index: 0), file: container.path, tensor: weight + Self.countsSuffix)
    }
    return Int(count)
  }

  func imatrixSums(of weight: String) throws -> [Double] {
    let sums = try floats(weight + Self.squaresSuffix)
    if let index = sums.firstIndex(where: { !$0.isFinite }) {
      throw ModelFileError(
        .notFinite(index: index), file: container.path, tensor: weight + Self.squaresSuffix)
    }
    return sums.map(Double.init)
  }

  func imatrixMoment(of weight: String) throws -> SecondMoment {
    let sums = try imatrixSums(of: weight)
    var matrix = Matrix<Double>(rows: sums.count, columns: sums.count)
    for (index, sum) in sums.enumerated() { matrix[index, index] = sum }
    return try SecondMoment(sum: matrix, tokenCount: try tokenCount(of: weight))
  }

  private func floats(_ name: String) throws -> [Float] {
    let tensor = try container.tensor(name)
    let bytes = try container.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    return tensor.elementType.decoded(bytes)
  }

  /// Writes the diagonals as an importance matrix, under the names that weights have in GGUF.
  ///
  /// - Parameter chunk: tokens that one of its chunks stands for; llama.cpp's own default is 512.
  /// - Throws: `StatisticsError.noImatrix` for experts, whose keys are weighted here by the router, and names of no known family.
  public func writeImatrix(to path: String, chunk: Int = 512) throws {
    var tensors: [NewTensor] = []
    var most = 0
    for weight in weights {
      let (name, count) = (try ggufName(of: weight), try tokenCount(of: weight))
      let sums = try secondMomentDiagonal(of: weight).map { Float($0 * Double(count)) }
      most = max(most, count)
      tensors += [
        NewTensor(
          name: name + Self.squaresSuffix, elementType: .f32, shape: [1, sums.count], elements: sums),
        NewTensor(
          name: name + Self.countsSuffix, elementType: .f32, shape: [1, 1], elements: [Float(count)]),
      ]
    }
    let corpus = container.note("corpus") ?? "unknown"
    try GGUFWriter.write(
      tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) },
      metadata: [
        GGUFField("general.type", .string(Self.imatrixType)),
        GGUFField("imatrix.datasets", try .array(of: .string, [.string(corpus)])),
        GGUFField("imatrix.chunk_count", .uint32(UInt32(clamping: (most + chunk - 1) / chunk))),
        GGUFField("imatrix.chunk_size", .uint32(UInt32(clamping: chunk))),
      ], to: path)
  }

  private func ggufName(of weight: String) throws -> String {
    let family = ModelFamily.family(ofDownProjection: weight, modelType: nil)
    let place = family?.place(of: weight)
    guard try reachedCount(of: weight) == nil, place?.role.isOfExperts != true else {
      throw StatisticsError.noImatrix(file: container.path, weight: weight, isOfExpert: true)
    }
    guard let name = place.flatMap({ family?.tensorNames(of: $0, in: .gguf).first }) else {
      throw StatisticsError.noImatrix(file: container.path, weight: weight, isOfExpert: false)
    }
    return name
  }
}
