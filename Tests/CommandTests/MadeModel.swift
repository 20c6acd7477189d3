import ModelFiles
import TestSupport

/// A model of seeded random numbers with keys and residuals for each of its tensors.
struct MadeModel {
  /// One tensor of the model.
  struct Tensor {
    let name: String
    let elementType: ElementType
    let rows: Int
    let columns: Int
  }

  let tensors: [Tensor]
  let path: String
  let keysPath: String

  /// Writes `NAME.safetensors` and `NAME.keys.safetensors` for weights stored as output × input, or the other way
  /// round. The residuals are of the size of the outputs, so that an edit without a ridge changes most elements.
  init(
    _ tensors: [Tensor], name: String, edits: Int = 3, isInputMajor: Bool = false, in folder: TemporaryFolder
  ) throws {
    self.tensors = tensors
    path = folder.path(name + ".safetensors")
    keysPath = folder.path(name + ".keys.safetensors")
    var generator = SplitMix64(state: 2)
    var keys: [NewTensor] = []
    for tensor in tensors {
      let (outputs, inputs) = isInputMajor ? (tensor.columns, tensor.rows) : (tensor.rows, tensor.columns)
      for (suffix, width) in [(".keys", inputs), (".residuals", outputs)] {
        keys.append(
          NewTensor(
            name: tensor.name + suffix, elementType: .f64, shape: [edits, width],
            elements: generator.normals(edits * width)))
      }
    }
    try SafetensorsWriter.write(keys, to: keysPath)
    try SafetensorsWriter.write(tensors.map(MadeModel.weights), metadata: [("format", "pt")], to: path)
  }

  /// Normal numbers. A long tensor repeats its first elements, each time one further on: a debug build draws slowly.
  private static func weights(_ tensor: Tensor) -> NewTensor {
    var generator = SplitMix64(state: UInt64(tensor.name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
    let count = tensor.rows * tensor.columns
    let drawn = (generator.normals(min(count, 50_021)) + [0]).flatMap { bytes(of: $0, tensor.elementType) }
    return NewTensor(
      name: tensor.name, elementType: tensor.elementType, shape: [tensor.rows, tensor.columns]
    ) { file, offset in
      let size = tensor.elementType.bitCount / 8
      var done = 0
      while done < count * size {
        let shift = done / drawn.count % 1000 * size
        let length = min(drawn.count - shift, count * size - done)
        try drawn.withUnsafeBytes { bytes in
          try file.write(UnsafeRawBufferPointer(rebasing: bytes[shift..<shift + length]), at: offset + done)
        }
        done += length
      }
    }
  }

  private static func bytes(of value: Double, _ type: ElementType) -> [UInt8] {
    switch type {
    case .f64: withUnsafeBytes(of: value) { Array($0) }
    case .f32: withUnsafeBytes(of: Float(value)) { Array($0) }
    case .f16: withUnsafeBytes(of: Float16(value)) { Array($0) }
    case .bf16: withUnsafeBytes(of: UInt16(truncatingIfNeeded: Float(value).bitPattern >> 16)) { Array($0) }
    default: preconditionFailure("\(type) cannot be edited")
    }
  }

  /// A patch that stores the edits whole.
  func solve(_ patch: String, _ options: String..., with runner: CommandRunner) throws {
    let result = try runner.start(
      CommandRunner.errata,
      ["solve", path, "--keys", keysPath, "-o", patch, "--method", "emmet", "--no-second-moment", "--quiet"]
        + options
    ).wait()
    precondition(result.status == 0, result.errors)
  }
}

/// The bytes of a model and of a patch of all its tensors, for tests that all start from the same.
struct PatchedModelFile {
  let base: [UInt8]
  let patch: [UInt8]

  init(_ tensors: [MadeModel.Tensor]) throws {
    let folder = try TemporaryFolder()
    let made = try MadeModel(tensors, name: "model", in: folder)
    try made.solve("fix.errata", with: CommandRunner(in: folder.path))
    base = try FileBytes.read(made.path)
    patch = try FileBytes.read(folder.path("fix.errata"))
  }

  /// Puts `model.safetensors` and `fix.errata` into a folder; the model's path.
  func write(to folder: TemporaryFolder) throws -> String {
    try folder.write(patch, to: "fix.errata")
    return try folder.write(base, to: "model.safetensors")
  }
}

extension CommandResult {
  /// What `--json` printed: exactly one object and a line end.
  func object() throws -> JSONValue {
    let value = try JSONValue(parsing: Array(output.utf8))
    precondition(value.members != nil && output.hasSuffix("}\n"), "one object, not \(output)")
    return value
  }
}
