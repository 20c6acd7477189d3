internal import LinearAlgebra
internal import ModelFiles

/// Optimized values on disk, so that they can be computed on several machines and used again: `Formats/values.md`.
public struct ValuesFile: Sendable {
  /// The file.
  public let path: String
  /// What the values were optimized for: model, layers and settings, as one text.
  public let identity: String
  private let values: [String: FactValue]

  static let valuesName = "values"
  static let startsName = "starts"
  static let statesName = "probabilities"

  /// Reads a file.
  public init(_ path: String) throws {
    let container = try ModelFile(path)
    self.path = path
    let values = try container.matrix(Self.valuesName)
    let starts = try container.matrix(Self.startsName, shape: [values.rows, values.columns])
    let probabilities = try container.matrix(Self.statesName, shape: [values.rows, 1])
    identity = container.note("identity") ?? ""
    let names = container.note("facts").flatMap { try? JSONValue(parsing: Array($0.utf8)) }?.elements ?? []
    guard names.count == values.rows else {
      throw ModelFileError(
        .shapeMismatch(expected: [names.count, values.columns], found: [values.rows, values.columns]),
        file: path, tensor: Self.valuesName)
    }
    for matrix in [values, starts] {
      if let (row, column) = matrix.firstNonFinite() {
        throw ModelFileError(
          .notFinite(index: row * matrix.columns + column), file: path, tensor: Self.valuesName)
      }
    }
    var found: [String: FactValue] = [:]
    for (row, name) in names.enumerated() {
      var value = FactValue(value: values.row(row).map(Float.init), start: starts.row(row).map(Float.init))
      value.probability = probabilities[row, 0]
      value.isReached = value.probability >= 0.5
      found[name.text ?? ""] = value
    }
    self.values = found
  }

  /// The value of a group of facts, if the file has it for a state of this width.
  func value(of group: FactGroup, width: Int) -> FactValue? {
    values[Self.name(of: group)].flatMap { $0.value.count == width ? $0 : nil }
  }

  /// What a group is called: its facts' prompts and targets.
  static func name(of group: FactGroup) -> String {
    group.facts.map { "\($0.prompt) | \($0.subject) | \($0.target)" }.joined(separator: " || ")
  }

  /// Writes values, one per group.
  static func write(_ values: [FactValue], of groups: [FactGroup], identity: String, to path: String) throws {
    let width = values.first?.value.count ?? 0
    try SafetensorsWriter.write(
      [
        NewTensor(
          name: valuesName, elementType: .f32, shape: [values.count, width], elements: values.flatMap(\.value)
        ),
        NewTensor(
          name: startsName, elementType: .f32, shape: [values.count, width], elements: values.flatMap(\.start)
        ),
        NewTensor(
          name: statesName, elementType: .f64, shape: [values.count, 1], elements: values.map(\.probability)),
      ],
      metadata: [
        ("identity", identity),
        ("facts", JSONValue.array(groups.map { .string(name(of: $0)) }).compactText),
      ], to: path)
  }
}
