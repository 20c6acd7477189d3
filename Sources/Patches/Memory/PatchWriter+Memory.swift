internal import Floor
public import ModelFiles

extension PatchWriter {
  /// One array of a memory to be written.
  public struct NewArray {
    let name: String
    let type: ElementType
    let shape: [Int]
    let bytes: [UInt8]
    /// Whether it is stored as it is, to be used where it lies.
    let isMapped: Bool

    /// Texts, or numbers in their stored form.
    ///
    /// - Parameter isMapped: whether it is stored as it is, to be used where it lies.
    public init(_ name: String, _ type: ElementType, _ shape: [Int], bytes: [UInt8], isMapped: Bool = true) {
      (self.name, self.type, self.shape, self.bytes, self.isMapped) = (name, type, shape, bytes, isMapped)
    }

    /// Numbers of eight bytes.
    public init(_ name: String, _ shape: [Int], _ numbers: [UInt64]) {
      self.init(name, .u64, shape, bytes: numbers.withUnsafeBytes { Array($0) })
    }

    /// Numbers of four bytes.
    public init(_ name: String, _ shape: [Int], _ numbers: [UInt32]) {
      self.init(name, .u32, shape, bytes: numbers.withUnsafeBytes { Array($0) })
    }

    /// Numbers of floating point.
    public init(_ name: String, _ type: ElementType, _ shape: [Int], _ numbers: [Float]) {
      self.init(name, type, shape, bytes: StoredFactors.bytes(numbers, type == .f16 ? .f16 : .f32))
    }
  }

  /// Adds a memory. Nothing but `finish` may follow.
  public func append(
    memoryOf facts: Int, for base: MemorySection.Base, parts: [MemorySection.Part], arrays: [NewArray]
  ) throws {
    let aside = try aside()
    let written = try arrays.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.map { array in
      MemoryArray(
        name: array.name, type: array.type, shape: array.shape,
        blocks: array.isMapped
          ? try aside.append(asItIs: array.bytes) : try aside.append(array.bytes, planesOf: 1))
    }
    var baseMembers: [JSONValue.Member] = [.init("fingerprint", .string(base.fingerprint.hexadecimal))]
    if let model = base.model { baseMembers.append(.init("model", .string(model.hexadecimal))) }
    memory = NewMemory(
      members: [
        .init("base", .object(baseMembers)), .init("facts", .integer(facts)),
        .init(
          "parts",
          .array(
            parts.map {
              [
                "method": .string($0.method),
                "facts": [.integer($0.facts.lowerBound), .integer($0.facts.count)],
                "route": $0.route.json, "action": $0.action.json,
              ]
            })),
      ], arrays: written, blocks: aside)
  }

  /// A memory on its way into a patch.
  struct NewMemory {
    let members: [JSONValue.Member]
    let arrays: [MemoryArray]
    let blocks: BlockSpool

    /// Its object in the manifest, its blocks so much further on.
    func json(from first: Int) -> JSONValue {
      let moved = arrays.map { array in
        MemoryArray(
          name: array.name, type: array.type, shape: array.shape,
          blocks: array.blocks.lowerBound + first..<array.blocks.upperBound + first)
      }
      return .object(members + [.init("arrays", .array(moved.map(\.json)))])
    }
  }
}

extension BlockSpool {
  /// Cuts a run of bytes into blocks that hold it as it is.
  func append(asItIs bytes: [UInt8]) throws -> Range<Int> {
    let first = blocks.count
    for tile in 0..<Tiling.count(bytes.count) {
      let piece = Array(bytes[Tiling.range(tile, of: bytes.count)])
      try append(Block(coding: .stored, decodedCount: piece.count, stored: piece))
    }
    return first..<blocks.count
  }
}
