import ModelFiles
import TestSupport
import Testing

/// Four thousand damaged headers of each container. None may crash or hang; each is one error that names the file, or a
/// model whose every tensor and value can be read.
///
/// Memory is bounded by design, not measured here: the GGUF scanner holds one window of 128 KiB; entries are counted
/// against what is left of the file and against 65 536; a length or count is compared with the rest of the file before
/// anything of that size is made; long values stay in the file.
@Suite struct DamagedContainerTests {
  static let count = 4_000

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Numbers that break arithmetic, and some near what a small file holds.
  private static let numbers: [UInt64] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 31, 32, 33, 64, 255, 256, 1000, 65535, 65536, 1 << 31, (1 << 32) - 1,
    1 << 32,
    1 << 60, 1 << 61, (1 << 63) - 1, 1 << 63, .max - 7, .max,
  ]

  private func mutated(_ sample: [UInt8], front: Int, _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = sample
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      guard !bytes.isEmpty else { break }
      let place = Int.random(in: 0..<min(front, bytes.count), using: &generator)
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 2, 3:
        let number = Self.numbers.randomElement(using: &generator) ?? 0
        let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 8
        for index in 0..<width where place + index < bytes.count {
          bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
        }
      case 4:
        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...24, using: &generator)))
      case 5:
        let piece = bytes[place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator))]
        bytes.insert(contentsOf: piece, at: Int.random(in: 0...min(front, bytes.count), using: &generator))
      case 6: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
      default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
      }
    }
    return bytes
  }

  /// Uses a model as everything above it would.
  private func useAll(_ model: ModelFile, size: Int) throws {
    for tensor in model.tensors {
      #expect(tensor.byteRange.lowerBound >= 0 && tensor.byteRange.upperBound <= size)
      #expect(try tensor.elementType.byteCount(shape: tensor.shape) == tensor.byteCount)
      _ = try model.file(of: tensor).read(tensor.byteCount, at: tensor.byteRange.lowerBound)
    }
    for field in model.ggufMetadata {
      #expect(field.value.byteCount <= size)
      _ = try (field.value.text(), field.value.number, field.value.truth)
      for element in try field.value.elements(100) { _ = try element.elements(100) }
    }
  }

  private func run(_ name: String, _ sample: [UInt8], front: Int, seed: UInt64) throws -> Int {
    var generator = SplitMix64(state: seed)
    var accepted = 0
    let path = folder.path(name)
    for round in 0..<Self.count {
      let bytes = mutated(sample, front: front, &generator)
      try folder.write(bytes, to: name)
      do {
        try useAll(ModelFile(path), size: bytes.count)
        accepted += 1
      } catch let error as ModelFileError {
        #expect(
          error.file == path || error.file.hasPrefix(folder.path), "seed \(seed), round \(round): \(error)")
      }
    }
    return accepted
  }

  @Test(.timeLimit(.minutes(20))) func `damaged GGUF files`() throws {
    let fields = [
      GGUFField("general.architecture", .string("llama")), GGUFField("general.alignment", .uint32(16)),
      GGUFField("tokens", try .array(of: .string, ["a", "bc", "", "def"].map { .string($0) })),
      GGUFField("numbers", try .array(of: .float32, (0..<70).map { .float32(Float($0)) })),
      GGUFField(
        "nested",
        try .array(of: .array, [.array(of: .uint8, [.uint8(1)]), .array(of: .string, [.string("x")])])),
      GGUFField("split.no", .uint16(0)), GGUFField("truth", .bool(true)), GGUFField("wide", .float64(0.5)),
    ]
    let tensors = [
      NewTensor(
        name: "a.weight", elementType: .q8_0, shape: [2, 32], elements: [UInt8](repeating: 3, count: 68)),
      NewTensor(
        name: "b.weight", elementType: .f16, shape: [3, 1, 2], elements: [UInt16](repeating: 4, count: 6)),
      NewTensor(name: "c", elementType: .q4K, shape: [256], elements: [UInt8](repeating: 5, count: 144)),
    ]
    try GGUFWriter.write(tensors, metadata: fields, to: folder.path("sample.gguf"))
    let sample = try folder.read("sample.gguf")
    let front = try GGUFHeader(reading: OpenFile(folder.path("sample.gguf"), .reading)).dataOffset
    let accepted = try run("a.gguf", sample, front: front, seed: 2026)
    // Some damage hits a value's own bytes and makes another good file: the mutator must not only make noise.
    #expect(accepted > Self.count / 50 && accepted < Self.count / 2, "\(accepted)")
  }

  @Test(.timeLimit(.minutes(20))) func `damaged safetensors files`() throws {
    let tensors = [
      NewTensor(
        name: "a.weight", elementType: .f32, shape: [2, 3], elements: [Float](repeating: 1, count: 6)),
      NewTensor(name: "b.weight", elementType: .bf16, shape: [4], elements: [UInt16](repeating: 4, count: 4)),
      NewTensor(name: "é", elementType: .f4, shape: [2, 2], elements: [UInt8](repeating: 5, count: 2)),
    ]
    try SafetensorsWriter.write(
      tensors, metadata: [("format", "pt"), ("note", "\"x\"\n")], to: folder.path("s.safetensors"))
    let sample = try folder.read("s.safetensors")
    let front = try SafetensorsHeader(reading: OpenFile(folder.path("s.safetensors"), .reading)).dataOffset
    let accepted = try run("a.safetensors", sample, front: front, seed: 2027)
    #expect(accepted > Self.count / 1000 && accepted < Self.count / 2, "\(accepted)")
  }
}
