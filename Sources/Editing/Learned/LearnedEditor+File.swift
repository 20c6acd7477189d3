internal import LinearAlgebra
internal import ModelFiles

/// A run of training that was cut off: how far it came, with all that going on takes.
struct UnfinishedTraining {
  /// The network as it was, not the best one.
  let parameters: [Matrix<Float>]
  let moments: [(first: [Float], second: [Float])]
  let steps: Int
  /// Validations since the best one.
  let waited: Int
}

extension LearnedEditor {
  private static let fileKind = "editor"

  /// Reads a trained editor.
  ///
  /// - Throws: `EditError.badEditor` for a file that is none, or whose training has not ended; as reading a model file.
  public init(_ path: String) throws {
    let (editor, unfinished) = try Self.read(path)
    if let unfinished {
      throw EditError.badEditor(
        file: path, what: "training has not ended: \(unfinished.steps) steps are done")
    }
    self = editor
  }

  /// Reads an editor, and where its training was cut off.
  static func read(_ path: String) throws -> (editor: LearnedEditor, unfinished: UnfinishedTraining?) {
    let file = try ModelFile(path)
    func bad(_ what: String) -> EditError { .badEditor(file: path, what: what) }
    guard file.note("kind") == fileKind else { throw bad("it is no trained editor") }
    guard let identity = file.note("identity").flatMap({ PlanIdentity(text: $0) }) else {
      throw bad("it does not say what it was trained for")
    }
    let layers = identity.members.first { $0.key == "layers" }?.value.elements?.compactMap(\.integer) ?? []
    guard !layers.isEmpty, layers == Set(layers).sorted(), layers[0] >= 0 else {
      throw bad("its layers are none")
    }
    guard
      let kind = identity.members.first(where: { $0.key == "editor" })?.value.text.flatMap({
        EditorKind(name: $0)
      })
    else { throw bad("it is of a kind that is not known") }
    func length(_ note: String) -> Int? { file.note(note).flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
    guard let keyWidth = length("keyWidth"), let outputWidth = length("outputWidth"),
      let rank = length("rank"), max(keyWidth, outputWidth, rank, layers.count) < 1 << 24
    else {
      throw bad("its keys, outputs or states have no length")
    }
    var shape = EditorShape(
      keyWidth: keyWidth, outputWidth: outputWidth, layerCount: layers.count, rank: rank)
    if let last = identity.members.first(where: { $0.key == EditorSettings.lastStepKey })?.value {
      guard kind.hasReleasedForm, last.text == EditorSettings.linear else {
        throw bad("its last step is of a kind that is not known")
      }
      shape.isLastLinear = true
    }
    func matrices(_ prefix: String, _ layout: [(name: String, shape: [Int])]) throws -> [Matrix<Float>] {
      try layout.map { name, shape in
        let matrix = try file.matrix(prefix + name, shape: shape)
        if let (row, column) = matrix.firstNonFinite() {
          throw ModelFileError(
            .notFinite(index: row * matrix.columns + column), file: path, tensor: prefix + name)
        }
        return Matrix<Float>(matrix)
      }
    }
    let layout = kind.parameters(shape)
    let network = kind.trained(shape, try matrices("", layout), try matrices("", kind.constants(shape)))
    if let classifier = network as? ScopeClassifier, !classifier.isUsable {
      throw bad("its states have no deviation")
    }
    let measures = try file.note("measures").flatMap {
      EditorMeasures(try JSONValue(parsing: Array($0.utf8)))
    }
    guard let steps = file.note("steps").flatMap({ Int($0) }), steps >= 0 else {
      throw bad("its steps are not told")
    }
    var editor = LearnedEditor(
      kind, identity: identity, layers: layers, shape: shape, network: network, measures: measures,
      steps: steps)
    editor.path = path
    guard editor.signs.count == layers.count, editor.signs.allSatisfy({ abs($0) == 1 }) else {
      throw bad("its signs are none")
    }
    guard let now = file.note("now").flatMap({ Int($0) }) else { return (editor, nil) }
    guard let waited = file.note("waited").flatMap({ Int($0) }), now >= 0 else {
      throw bad("its steps are not told")
    }
    let moments = zip(try matrices("first.", layout), try matrices("second.", layout)).map {
      ($0.elements, $1.elements)
    }
    return (
      editor,
      UnfinishedTraining(
        parameters: try matrices("now.", layout), moments: moments, steps: now, waited: waited)
    )
  }

  /// Writes it; with what going on takes where training has not ended.
  func write(to path: String, unfinished: UnfinishedTraining? = nil) throws {
    func tensor(_ name: String, _ matrix: Matrix<Float>) -> NewTensor {
      NewTensor(
        name: name, elementType: .f32, shape: [matrix.rows, matrix.columns], elements: matrix.elements)
    }
    func tensors(_ prefix: String, _ matrices: [Matrix<Float>]) -> [NewTensor] {
      zip(kind.parameters(shape), matrices).map { tensor(prefix + $0.name, $1) }
    }
    let constants = zip(kind.constants(shape), network.constants).map { tensor($0.name, $1) }
    var all = constants + tensors("", network.parameters)
    var notes = [
      ("kind", Self.fileKind), ("identity", identity.text), ("keyWidth", "\(shape.keyWidth)"),
      ("outputWidth", "\(shape.outputWidth)"), ("rank", "\(shape.rank)"), ("steps", "\(steps)"),
    ]
    if let measures { notes.append(("measures", measures.json.compactText)) }
    if let unfinished {
      func shaped(_ numbers: [[Float]]) -> [Matrix<Float>] {
        zip(network.parameters, numbers).map { Matrix(rows: $0.rows, columns: $0.columns, elements: $1) }
      }
      all += tensors("now.", unfinished.parameters)
      all += tensors("first.", shaped(unfinished.moments.map(\.first)))
      all += tensors("second.", shaped(unfinished.moments.map(\.second)))
      notes += [("now", "\(unfinished.steps)"), ("waited", "\(unfinished.waited)")]
    }
    try SafetensorsWriter.write(all, metadata: notes, to: path)
  }
}
