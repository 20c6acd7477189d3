import ModelFiles
import TestSupport
import Testing

@Suite struct SafetensorsHeaderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func header(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    try SafetensorsHeader(reading: OpenFile(folder.write(bytes, to: "a.safetensors"), .reading))
  }

  @Test(arguments: Vector.all("safetensors")) func `a file is read or refused as its vector says`(
    vector: Vector
  ) throws {
    guard let rejection = vector.rejection else {
      let found = try header(vector.bytes)
      #expect(found.tensors.reduce(0) { $0 + $1.byteCount } == vector.bytes.count - found.dataOffset)
      return
    }
    let error = #expect(throws: ModelFileError.self) { try header(vector.bytes) }
    #expect(error.map { caseName($0.reason) } == rejection)
    #expect(error?.byteOffset == vector.byteOffset)
    #expect(error?.file == folder.path("a.safetensors"))
  }

  @Test func `every kind of refusal has a vector`() {
    let kinds = Set(Vector.all("safetensors").compactMap(\.rejection))
    #expect(
      kinds == [
        "headerTooShort", "headerTooLarge", "headerBeyondFile", "headerStart", "headerEncoding",
        "headerSyntax",
        "duplicateName", "unknownElementType", "missingField", "sizeOverflow", "partialByte", "sizeMismatch",
        "reversedOffsets", "offsetGap", "offsetOverlap", "dataBeyondFile", "trailingBytes",
      ])
  }

  @Test(arguments: Vector.all("safetensors").filter { $0.rejection == nil })
  func `a file cut at any length is refused`(vector: Vector) {
    for length in vector.bytes.indices {
      #expect(throws: ModelFileError.self, "cut to \(length)") { try header(Array(vector.bytes[..<length])) }
    }
  }

  @Test(arguments: Vector.all("safetensors").filter(\.isCanonical))
  func `a canonical file is written back byte for byte`(vector: Vector) throws {
    let found = try header(vector.bytes)
    let tensors = found.tensors.map { tensor in
      NewTensor(
        name: tensor.name, elementType: tensor.elementType, shape: tensor.shape,
        elements: Array(vector.bytes[tensor.byteRange]))
    }
    // The order they are handed over in must not show.
    try SafetensorsWriter.write(
      tensors.reversed(), metadata: found.metadata.reversed(), to: folder.path("b.safetensors"))
    #expect(try folder.read("b.safetensors") == vector.bytes)
  }

  /// `isSafe` is what everything above the reader relies on.
  private func isSafe(_ found: SafetensorsHeader, fileSize: Int) -> Bool {
    var end = found.dataOffset
    for tensor in found.tensors {
      guard tensor.byteRange.lowerBound == end, tensor.shape.allSatisfy({ $0 >= 0 }),
        (try? tensor.elementType.byteCount(shape: tensor.shape)) == tensor.byteCount
      else { return false }
      end = tensor.byteRange.upperBound
    }
    return end == fileSize && Set(found.tensors.map(\.name)).count == found.tensors.count
  }

  @Test(arguments: 0..<4) func `a mutated file is refused or safe`(seed: Int) throws {
    let samples = Vector.all("safetensors").filter { $0.rejection == nil }.map(\.bytes)
    let words = [
      "0", "9223372036854775807", "-", "1e9", "\"", "{", "}", "[", "]", ",", ":", "\\u", "F4", "__metadata__",
      "\u{0}",
    ]
    var generator = SplitMix64(state: UInt64(seed))
    var accepted = 0
    for round in 0..<1500 {
      var bytes = samples.randomElement(using: &generator)!
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        // Half of the changes fall into the header, where they matter most.
        let limit = Bool.random(using: &generator) ? bytes.count : min(bytes.count, 120)
        let place = Int.random(in: 0..<max(limit, 1), using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] ^= 1 << Int.random(in: 0..<8, using: &generator)
        case 1: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(contentsOf: words.randomElement(using: &generator)!.utf8, at: place)
        default: bytes.append(contentsOf: bytes[place...])
        }
        if bytes.isEmpty { bytes = [0] }
      }
      // Most changes make the length wrong; set right in half of the cases, so that the rules behind it are reached.
      if Bool.random(using: &generator), let end = bytes.lastIndex(of: UInt8(ascii: "}")), end >= 8 {
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: (end - 7) >> (8 * index)) }
      }
      do {
        let found = try header(bytes)
        accepted += 1
        #expect(isSafe(found, fileSize: bytes.count), "seed \(seed), round \(round): \(bytes)")
      } catch let error as ModelFileError {
        if let offset = error.byteOffset, !(0...bytes.count).contains(offset) {
          Issue.record("seed \(seed), round \(round): \(error) lies beyond \(bytes.count) bytes")
        }
      }
    }
    #expect(accepted > 20, "the mutations leave something to be read")
  }

  @Test func `an error names the entry in which it was found`() throws {
    let text =
      "{\"first\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"second\":{\"shape\":[x]}}"
    let bytes = [UInt8(text.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(text.utf8)
    #expect(
      throws: ModelFileError(
        .headerSyntax(.badNumber), file: folder.path("a.safetensors"), tensor: "second",
        byteOffset: 8 + text.utf8.count - 4)
    ) { try header(bytes) }
  }

  @Test func `the fixtures are read`() throws {
    let path = PackageFiles.path("Fixtures/models/tiny-gpt2/model.safetensors")
    let found = try SafetensorsHeader(reading: OpenFile(path, .reading))
    #expect(found.metadata.map(\.key) == ["format"])
    #expect(found.tensors.contains { $0.name.hasSuffix("h.1.mlp.c_proj.weight") && $0.shape == [256, 64] })
  }
}
