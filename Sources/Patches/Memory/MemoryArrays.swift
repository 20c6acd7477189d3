internal import Floor
public import ModelFiles

/// The arrays of a memory, checked: those that are stored as they are lie in the mapped file, where they are used.
///
/// Opening it costs one pass over the numbers; then any fact is found without the others being read.
public final class MemoryArrays: Sendable {
  /// The patch.
  public let patch: PatchFile
  /// What the manifest says of it.
  public let section: MemorySection

  private enum Place: Sendable {
    case mapped(Range<Int>)
    case bytes([UInt8])
  }

  private let mapping: MappedFile
  private let places: [String: Place]

  /// Opens the memory of a patch; `nil` for a patch without.
  ///
  /// - Throws: `PatchError.blockDigest` and `blockDecoding` for a damaged file, `badMemory` for numbers that point nowhere.
  public init?(_ patch: PatchFile, threads: Int) throws {
    guard let section = patch.memory else { return nil }
    self.patch = patch
    self.section = section
    try patch.checkBlocks(threads: threads)
    mapping = try MappedFile(patch.file)
    var places: [String: Place] = [:]
    for (name, array) in section.arrays where name != "facts" {
      places[name] =
        if let range = patch.mappedRange(of: array.blocks) { .mapped(range) } else {
          .bytes(try patch.content(array.blocks))
        }
    }
    self.places = places
    try check()
  }

  /// Whether the memory has an array.
  public func has(_ name: String) -> Bool { section.arrays[name] != nil }
  /// Extents of an array, outermost first; none where there is no such array.
  public func shape(of name: String) -> [Int] { section.arrays[name]?.shape ?? [] }

  /// Lends the bytes of an array other than `facts`.
  public func withBytes<Result>(
    _ name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    switch places[name] {
    case .mapped(let range): try mapping.withBytes(range, body)
    case .bytes(let bytes): try bytes.withUnsafeBytes(body)
    case nil: try body(UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }

  /// One number of an array of U64.
  public func u64(_ name: String, _ index: Int) -> UInt64 {
    withBytes(name) { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
  }

  /// One number of an array of U32.
  public func u32(_ name: String, _ index: Int) -> Int {
    withBytes(name) {
      Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
    }
  }

  /// A row of an array of F32 or F16, or all of one that has one extent.
  public func row(_ name: String, _ index: Int) -> [Float] {
    guard let array = section.arrays[name] else { return [] }
    let width = array.shape.count > 1 ? array.shape[1] : array.shape[0]
    let size = array.type.bitCount / 8
    return withBytes(name) { bytes in
      array.type.decoded(Array(bytes[index * width * size..<(index + 1) * width * size]))
    }
  }

  /// Where the bytes of an element of a run of texts lie in it.
  public func range(_ name: String, _ index: Int) -> Range<Int> {
    let start = index == 0 ? 0 : Int(u64(name + ".ends", index - 1))
    return start..<Int(u64(name + ".ends", index))
  }

  /// A text of a run of them other than `facts`.
  public func text(_ name: String, _ index: Int) -> String {
    let range = range(name, index)
    return withBytes(name) { String(decoding: $0[range], as: UTF8.self) }
  }

  /// Lends the bytes of each text of a run of them other than `facts`.
  public func withTexts<Result>(
    _ name: String, _ body: ((_ index: Int) -> UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withBytes(name) { bytes in
      try withBytes(name + ".ends") { ends in
        func end(_ index: Int) -> Int {
          Int(UInt64(littleEndian: ends.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
        }
        // SAFETY: `check` has seen that ends rise to the length of the texts.
        return try body { index in
          UnsafeRawBufferPointer(rebasing: bytes[(index == 0 ? 0 : end(index - 1))..<end(index)])
        }
      }
    }
  }

  /// Places of the demonstrations that a fact shows, in order.
  public func demonstrations(of fact: Int) -> [Int] {
    guard has("demonstrations.shown") else { return [] }
    let count = shape(of: "demonstrations.shown")[1]
    return (0..<count).map { u32("demonstrations.shown", fact * count + $0) }.filter { $0 != UInt32.max }
  }

  /// A fact as it is stored: an object of the edit's `facts`.
  ///
  /// - Throws: `PatchError.badMemory` where its text is no JSON object.
  public func fact(_ index: Int) throws -> JSONValue {
    let range = range("facts", index)
    let blocks = section.arrays["facts"]!.blocks
    let first = range.lowerBound / Tiling.byteCount
    let last = max(first, (range.upperBound - 1) / Tiling.byteCount)
    let bytes = try patch.content(blocks.lowerBound + first..<blocks.lowerBound + last + 1)
    let start = range.lowerBound - first * Tiling.byteCount
    return try value(Array(bytes[start..<start + range.count]))
  }

  /// All facts, in order.
  public func facts() throws -> [JSONValue] {
    let bytes = try patch.content(section.arrays["facts"]!.blocks)
    return try (0..<section.factCount).map { try value(Array(bytes[range("facts", $0)])) }
  }

  private func value(_ bytes: [UInt8]) throws -> JSONValue {
    guard let value = try? JSONValue(parsing: bytes), value.members != nil, value["prompt"]?.text != nil,
      value["target"]?.text != nil
    else { throw bad("facts") }
    return value
  }

  private func bad(_ array: String) -> PatchError { .badMemory(file: patch.path, array: array) }

  /// Checks that every number points to something.
  private func check() throws(PatchError) {
    let count = section.factCount
    for (name, text) in [
      ("facts.ends", "facts"), ("keys.ends", "keys"), ("demonstrations.ends", "demonstrations"),
    ]
    where has(name) {
      guard isRising(name, strictly: name == "facts.ends", to: shape(of: text)[0]) else { throw bad(name) }
    }
    if has("words.ends"), !isRising("words.ends", strictly: true, to: shape(of: "words.facts")[0]) {
      throw bad("words.ends")
    }
    let demonstrations = has("demonstrations.ends") ? shape(of: "demonstrations.ends")[0] : 0
    for (name, limit, takesNone) in [
      ("phrases.facts", count, false), ("words.facts", count, false),
      ("demonstrations.shown", demonstrations, true),
    ] where has(name) {
      guard isBelow(name, limit, orNone: takesNone) else { throw bad(name) }
    }
    for (name, strictly) in [("phrases.hashes", false), ("words.hashes", true)] where has(name) {
      guard isAscending(name, strictly: strictly) else { throw bad(name) }
    }
    for name in section.arrays.keys
    where section.arrays[name]!.type == .f32 || section.arrays[name]!.type == .f16 {
      guard isFinite(name) else { throw .notFinite(file: patch.path, tensor: name) }
    }
  }

  private func isRising(_ name: String, strictly: Bool, to end: Int) -> Bool {
    let rows = shape(of: name)[0]
    return withBytes(name) { bytes in
      var last: UInt64 = 0
      for index in 0..<rows {
        let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        if next < last || strictly && next == last { return false }
        last = next
      }
      return last == UInt64(end)
    }
  }

  private func isAscending(_ name: String, strictly: Bool) -> Bool {
    let rows = shape(of: name)[0]
    return withBytes(name) { bytes in
      for index in 1..<max(1, rows) {
        let one = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index - 8, as: UInt64.self))
        let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        if next < one || strictly && next == one { return false }
      }
      return true
    }
  }

  /// - Parameter orNone: whether the largest number stands for nothing.
  private func isBelow(_ name: String, _ limit: Int, orNone: Bool) -> Bool {
    withBytes(name) { bytes in
      for offset in stride(from: 0, to: bytes.count, by: 4) {
        let number = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        if number >= limit, !(orNone && number == .max) { return false }
      }
      return true
    }
  }

  private func isFinite(_ name: String) -> Bool {
    guard let array = section.arrays[name] else { return true }
    return withBytes(name) { array.type.decoded(Array($0)).allSatisfy(\.isFinite) }
  }
}

extension PatchFile {
  /// The bytes of blocks that are stored as they are, in the file; `nil` where one is coded or not of its length, or there are none.
  fileprivate func mappedRange(of range: Range<Int>) -> Range<Int>? {
    guard let first = range.first, range.allSatisfy({ blocks[$0].isPlain }) else { return nil }
    let last = blocks[range.upperBound - 1]
    return place.lowerBound + blocks[first].byteOffset..<place.lowerBound + last.byteOffset + last.storedCount
  }

  /// The edit, with the facts of a memory among its own.
  public func edit(threads: Int = 1) throws -> JSONValue? {
    guard let arrays = try MemoryArrays(self, threads: threads) else { return manifest["edit"] }
    let facts = try arrays.facts()
    let members = manifest["edit"]?.members ?? []
    let known = manifest["edit"]?["facts"]?.elements ?? []
    return .object(members.filter { $0.key != "facts" } + [.init("facts", .array(known + facts))])
  }
}
