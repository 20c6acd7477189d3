internal import LinearAlgebra
internal import ModelFiles
internal import Transformer

/// Optimized values on disk, so that they can be computed on several machines and used again: `Formats/values.md`.
public struct ValuesFile: Sendable {
  /// The file.
  public let path: String
  /// What the values were found with: model, layer and settings. `nil` where the file does not say.
  public let identity: PlanIdentity?
  /// What each group is called, in the order of the rows.
  let names: [JSONValue]
  /// Values by the text of their group's name.
  let found: [String: FactValue]
  /// Length of a value.
  let width: Int
  /// Which values of a run these are, where it is one of several.
  let part: ValuesPart?

  static let valuesName = "values"
  static let startsName = "starts"
  static let statesName = "states"
  static let lossesName = "losses"
  private static let factsNote = "facts"

  /// Reads a file.
  public init(_ path: String) throws {
    let container = try ModelFile(path)
    try container.require(.values)
    self.path = path
    let values = try container.matrix(Self.valuesName)
    let starts = try container.matrix(Self.startsName, shape: [values.rows, values.columns])
    let states = try container.matrix(Self.statesName, shape: [values.rows, 3])
    let losses = try container.matrix(Self.lossesName)
    identity = container.note("identity").flatMap { PlanIdentity(text: $0) }
    guard let names = try container.list(Self.factsNote) else {
      throw EditError.badNote(file: path, key: Self.factsNote, detail: nil)
    }
    for (name, matrix) in [(Self.valuesName, values), (Self.lossesName, losses)]
    where matrix.rows != names.count {
      throw ModelFileError(
        .shapeMismatch(expected: [names.count, matrix.columns], found: [matrix.rows, matrix.columns]),
        file: path, tensor: name)
    }
    for (name, matrix) in [(Self.valuesName, values), (Self.startsName, starts)] {
      if let (row, column) = matrix.firstNonFinite() {
        throw ModelFileError(.notFinite(index: row * matrix.columns + column), file: path, tensor: name)
      }
    }
    var found: [String: FactValue] = [:]
    for (row, name) in names.enumerated() {
      var value = FactValue(value: values.row(row).map(Float.init), start: starts.row(row).map(Float.init))
      value.losses = losses.row(row).prefix { !$0.isNaN }.map(Float.init)
      value.probability = states[row, 0]
      value.isClamped = states[row, 1] != 0
      value.isReached = states[row, 2] != 0
      found[name.compactText] = value
    }
    (self.names, self.found, width) = (names, found, values.columns)
    part = try container.note(ValuesPart.note).map { text in
      guard let part = ValuesPart(text, count: names.count) else {
        throw EditError.badNote(file: path, key: ValuesPart.note, detail: nil)
      }
      return part
    }
  }

  /// Whether nothing is missing that its run was to find.
  public var isFinished: Bool { part?.isFinished ?? true }

  /// Refuses values that were found with something else, and says with what.
  func require(_ wanted: PlanIdentity) throws {
    guard let identity else { throw EditError.otherValues(file: path, nil) }
    if let difference = identity.difference(from: wanted) {
      throw EditError.otherValues(file: path, difference)
    }
  }

  /// The value of a group of facts, if the file has it for a state of this width.
  func value(of group: FactGroup, width: Int) -> FactValue? {
    found[Self.name(of: group).compactText].flatMap { $0.value.count == width ? $0 : nil }
  }

  /// What a group is called: prompt, subject and target of each of its facts, and what joins prompt and target where it is not a space.
  static func name(of group: FactGroup) -> JSONValue {
    .array(
      group.facts.map { fact in
        let parts = [fact.prompt, fact.subject, fact.target] + (fact.join == .space ? [] : [fact.join.text])
        return .array(parts.map { .string($0) })
      })
  }

  /// Writes values, one per group.
  ///
  /// - Parameter part: which values of the run they are; `nil` for all.
  static func write(
    _ values: [FactValue], names: [JSONValue], width: Int, identity: PlanIdentity, part: ValuesPart? = nil,
    to path: String
  ) throws {
    let steps = max(1, values.map(\.losses.count).max() ?? 0)
    try SafetensorsWriter.write(
      [
        NewTensor(
          name: valuesName, elementType: .f32, shape: [values.count, width], elements: values.flatMap(\.value)
        ),
        NewTensor(
          name: startsName, elementType: .f32, shape: [values.count, width], elements: values.flatMap(\.start)
        ),
        NewTensor(
          name: lossesName, elementType: .f32, shape: [values.count, steps],
          elements: values.flatMap { $0.losses + [Float](repeating: .nan, count: steps - $0.losses.count) }),
        NewTensor(
          name: statesName, elementType: .f64, shape: [values.count, 3],
          elements: values.flatMap { [$0.probability, $0.isClamped ? 1 : 0, $0.isReached ? 1 : 0] }),
      ],
      metadata: [("identity", identity.text), (factsNote, JSONValue.array(names).compactText)]
        + (part.map { [(ValuesPart.note, $0.text)] } ?? []), to: path)
  }
}
