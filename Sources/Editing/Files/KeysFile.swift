public import LinearAlgebra
public import ModelFiles

/// Keys and residuals computed elsewhere: `Formats/keys.md`.
public struct KeysFile: Sendable {
  /// The tensors of the file.
  public let container: ModelFile
  /// Edited weights, sorted.
  public let weights: [String]
  /// What each edit is about, if the file says so: one object an edit.
  public let facts: [JSONValue]?

  static let keysSuffix = ".keys"
  static let residualsSuffix = ".residuals"
  static let earlierKeysSuffix = ".earlier_keys"

  /// The edits of one weight, one row each.
  public struct Edits: Sendable {
    /// [edits × inputWidth]
    public let keys: Matrix<Double>
    /// [edits × outputWidth]
    public let residuals: Matrix<Double>
    /// [earlier edits × inputWidth]
    public let earlierKeys: Matrix<Double>?
    /// What the edit of each key is called, for errors; numbers stand where there is nothing.
    var names: [String] = []

    /// The first so many edits, or all.
    func first(_ limit: Int?) -> Edits {
      guard let limit, limit < keys.rows else { return self }
      return Edits(
        keys: keys.selecting(rows: 0..<limit), residuals: residuals.selecting(rows: 0..<limit),
        earlierKeys: earlierKeys)
    }
  }

  /// Opens a keys file; every weight must have as many keys as residuals.
  public init(_ path: String) throws {
    container = try ModelFile(path)
    try container.require(.keys)
    let names = container.tensors.map(\.name)
    weights = names.filter { $0.hasSuffix(Self.keysSuffix) }.map {
      String($0.dropLast(Self.keysSuffix.count))
    }.sorted()
    guard !weights.isEmpty else {
      throw ModelFileError(.noSuchTensor, file: path, tensor: "*" + Self.keysSuffix)
    }
    var editCount: Int?
    for weight in weights {
      let keys = try container.tensor(weight + Self.keysSuffix)
      let residuals = try container.tensor(weight + Self.residualsSuffix)
      guard keys.shape.count == 2 else {
        throw ModelFileError(
          .shapeMismatch(expected: [-1, -1], found: keys.shape), file: path, tensor: keys.name)
      }
      guard residuals.shape.count == 2, residuals.shape[0] == keys.shape[0] else {
        throw ModelFileError(
          .shapeMismatch(expected: [keys.shape[0], -1], found: residuals.shape), file: path,
          tensor: residuals.name)
      }
      guard editCount == nil || editCount == keys.shape[0] else {
        throw ModelFileError(
          .shapeMismatch(expected: [editCount ?? 0, keys.shape[1]], found: keys.shape), file: path,
          tensor: keys.name)
      }
      editCount = keys.shape[0]
    }
    facts = try container.list("facts")
    if let facts, facts.count != editCount {
      throw ModelFileError(
        .shapeMismatch(expected: [editCount ?? 0], found: [facts.count]), file: path,
        tensor: "__metadata__.facts")
    }
  }

  /// Reads the edits of one weight.
  public func edits(of weight: String) throws -> Edits {
    let keys = try container.matrix(weight + Self.keysSuffix)
    let earlier = weight + Self.earlierKeysSuffix
    return Edits(
      keys: keys, residuals: try container.matrix(weight + Self.residualsSuffix),
      earlierKeys: container.contains(earlier)
        ? try container.matrix(earlier, shape: [-1, keys.columns]) : nil)
  }
}
