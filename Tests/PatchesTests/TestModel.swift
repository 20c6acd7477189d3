import Glibc
import LinearAlgebra
import ModelFiles
import Patches
import TestSupport
import Testing

/// Compares like `==`, which takes a tenth of a second for these models in a debug build.
func same(_ bytes: [UInt8], _ others: [UInt8]) -> Bool {
  bytes.count == others.count && memcmp(bytes, others, bytes.count) == 0
}

/// A tensor of a model made for a test.
struct TestTensor: Sendable {
  let name: String
  let elementType: ElementType
  let shape: [Int]
  var bytes: [UInt8]

  /// Weights as models have them, and one in sixteen of the kinds that break things.
  init(_ name: String, _ elementType: ElementType, _ shape: [Int], seed: UInt64 = 1) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    bytes = TestTensor.weights(elementType, shape.reduce(1, *), seed: seed)
  }

  init(_ name: String, _ elementType: ElementType, _ shape: [Int], bytes: [UInt8]) {
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.bytes = bytes
  }

  static func weights(_ type: ElementType, _ count: Int, seed: UInt64) -> [UInt8] {
    let format = type.format
    let size = format.width / 8
    let shift = UInt64(format.significand)
    let bias = UInt64(1) << UInt64(format.exponent - 1) - 1
    let fraction = UInt64(1) << shift - 1
    var generator = SplitMix64(state: seed)
    return [UInt8](unsafeUninitializedCapacity: count * size) { buffer, initialized in
      let raw = UnsafeMutableRawPointer(buffer.baseAddress!)
      for index in 0..<count {
        let r = generator.next()
        let random = r & fraction
        // Exponents of 2⁻⁸ to 2⁻¹; else ±0, subnormal, tiny, huge, ±infinity, NaN with a payload.
        var bits = (bias - 1 - (r >> 54) & 7) << shift | random
        if (r >> 57) & 15 == 0 {
          switch (r >> 61) & 3 + ((r >> 54) & 1) << 2 {
          case 0: bits = 0
          case 1: bits = random
          case 2: bits = 1 << shift | random
          case 3: bits = format.infinity - 1 << shift | random
          case 4: bits = format.infinity
          case 5: bits = format.infinity | max(random, 1)
          case 6: bits = random & 7
          default: bits = (bias / 2) << shift | random
          }
        }
        bits |= (r >> 63) << UInt64(format.width - 1)
        switch size {
        case 2: raw.storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: 2 * index, as: UInt16.self)
        case 4: raw.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: 4 * index, as: UInt32.self)
        default: raw.storeBytes(of: bits, toByteOffset: 8 * index, as: UInt64.self)
        }
      }
      initialized = count * size
    }
  }

  /// The bits of one element.
  func bits(_ index: Int) -> UInt64 {
    let size = elementType.bitCount / 8
    return (0..<size).reduce(0) { $0 | UInt64(bytes[index * size + $1]) << UInt64(8 * $1) }
  }

  var new: NewTensor { NewTensor(name: name, elementType: elementType, shape: shape, elements: bytes) }
}

/// What is to be done to one tensor.
struct TestEdit: Sendable {
  var tensor: String
  var rank = 1
  var orientation = TensorChange.Orientation.outputMajor
  var factorType = TensorChange.FactorType.f16
  var rounding = TensorChange.Rounding.nearest
  var scale = 0.02
  var seed: UInt64 = 99

  /// Factors between −1 and 1, the left ones times the scale.
  func factors(outputWidth: Int, inputWidth: Int) -> LowRankFactors {
    var generator = SplitMix64(state: seed)
    func matrix(_ rows: Int, _ columns: Int, _ scale: Double) -> Matrix<Double> {
      Matrix(
        rows: rows, columns: columns,
        elements: (0..<rows * columns).map { _ in
          Double(Int64(bitPattern: generator.next()) >> 11) * 0x1p-52 * scale
        })
    }
    return LowRankFactors(left: matrix(outputWidth, rank, scale), right: matrix(rank, inputWidth, 1))
  }
}

/// A folder with models and patches of one test.
struct Workbench {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Writes a model of these tensors.
  @discardableResult
  func write(_ tensors: [TestTensor], to name: String) throws -> ModelFile {
    try SafetensorsWriter.write(
      tensors.map(\.new), metadata: [("format", "pt"), ("note", "kept")], to: folder.path(name))
    return try ModelFile(folder.path(name))
  }

  /// Writes a model in several files with an index, in a folder of its own.
  @discardableResult
  func write(shards: [[TestTensor]], to name: String) throws -> ModelFile {
    try Folder.create(folder.path(name))
    var entries: [JSONValue.Member] = []
    for (number, tensors) in shards.enumerated() {
      let file = "model-\(number + 1).safetensors"
      try SafetensorsWriter.write(tensors.map(\.new), to: folder.path(name + "/" + file))
      entries += tensors.map { JSONValue.Member($0.name, .string(file)) }
    }
    let index = JSONValue.object([.init("weight_map", .object(entries))]).compactText
    try folder.write(Array(index.utf8), to: name + "/model.safetensors.index.json")
    return try ModelFile(folder.path(name))
  }

  /// Writes a patch of a model.
  @discardableResult
  func patch(_ edits: [TestEdit], of model: ModelFile, to name: String, threads: Int = 1) throws -> PatchFile
  {
    let writer = try PatchWriter(folder.path(name))
    for edit in edits {
      let tensor = try model.tensor(edit.tensor)
      var options = LowRankOptions()
      options.factorType = edit.factorType
      options.rounding = edit.rounding
      options.threads = threads
      let isOutputMajor = edit.orientation == .outputMajor
      let factors = edit.factors(
        outputWidth: tensor.shape[isOutputMajor ? 0 : 1], inputWidth: tensor.shape[isOutputMajor ? 1 : 0])
      try writer.append(factors, to: tensor, of: model, orientation: edit.orientation, options: options)
    }
    return try writer.finish(tool: "errata test", family: nil, edit: nil)
  }

  /// Matches a patch to a model; both are opened anew.
  func run(_ patch: String, _ model: String, threads: Int = 1) throws -> PatchRun {
    try PatchRun(PatchFile(folder.path(patch)), ModelFile(folder.path(model)), threads: threads)
  }

  /// Copies a file or a folder of files.
  func copy(_ name: String, to other: String) throws {
    guard Folder.exists(folder.path(name)) else {
      try folder.write(folder.read(name), to: other)
      return
    }
    Folder.remove(folder.path(other))
    try Folder.create(folder.path(other))
    for file in try Folder.names(in: folder.path(name)) {
      try copy(name + "/" + file, to: other + "/" + file)
    }
  }

  /// Makes a symbolic link.
  func link(_ name: String, to destination: String) throws {
    try #require(symlink(destination, folder.path(name)) == 0)
  }

  /// The bytes of a tensor as they are in a file now.
  func bytes(of tensor: String, in model: String) throws -> [UInt8] {
    let file = try ModelFile(folder.path(model))
    let info = try file.tensor(tensor)
    return try file.file(of: info).read(info.byteCount, at: info.byteRange.lowerBound)
  }

  /// Names in the folder.
  func names() throws -> [String] { try Folder.names(in: folder.path) }
}
