/// Remembers how words were encoded: in running text nearly every word has been seen before.
///
/// Bounded: when it is full it forgets everything. Words that collide are encoded again, which costs time and nothing else.
struct WordCache: Sendable {
  /// One token of a word, with the bytes of the word that it stands for.
  struct Piece: Sendable {
    let token: Int32
    let start: UInt16
    let end: UInt16
  }

  private struct Slot: Sendable {
    var hash: UInt64 = 0
    var keyStart: UInt32 = 0
    var keyCount: UInt32 = 0
    var pieceStart: UInt32 = 0
    var pieceCount: UInt32 = 0
  }

  /// Longer words are rarely seen twice.
  static let wordLimit = 64
  private static let slotCount = 1 << 16
  private static let probeLimit = 8
  private var slots: [Slot] = []
  private var keys: [UInt8] = []
  private(set) var pieces: [Piece] = []
  private var count = 0

  static func hash(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in range { hash = (hash ^ UInt64(text[index])) &* 0x0000_0100_0000_01B3 }
    return hash ^ hash >> 29
  }

  /// Which of `pieces` are those of a word, if it is known.
  @inline(__always)
  func find(_ text: Span<UInt8>, _ range: Range<Int>, hash: UInt64) -> Range<Int>? {
    guard !slots.isEmpty else { return nil }
    for probe in 0..<Self.probeLimit {
      let slot = slots[(Int(truncatingIfNeeded: hash) &+ probe) & (Self.slotCount - 1)]
      if slot.keyCount == 0 { return nil }
      if slot.hash == hash, Int(slot.keyCount) == range.count, isKey(slot, text, range) {
        return Int(slot.pieceStart)..<Int(slot.pieceStart + slot.pieceCount)
      }
    }
    return nil
  }

  @inline(__always)
  private func isKey(_ slot: Slot, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var position = Int(slot.keyStart)
    for index in range {
      if keys[position] != text[index] { return false }
      position += 1
    }
    return true
  }

  /// Remembers a word that is not yet known.
  mutating func insert(
    _ text: Span<UInt8>, _ range: Range<Int>, hash: UInt64, _ found: some Collection<Piece>
  ) {
    if slots.isEmpty || count * 4 > Self.slotCount * 3 {
      slots = [Slot](repeating: Slot(), count: Self.slotCount)
      keys.removeAll(keepingCapacity: true)
      pieces.removeAll(keepingCapacity: true)
      count = 0
    }
    for probe in 0..<Self.probeLimit {
      let position = (Int(truncatingIfNeeded: hash) &+ probe) & (Self.slotCount - 1)
      guard slots[position].keyCount == 0 else { continue }
      slots[position] = Slot(
        hash: hash, keyStart: UInt32(keys.count), keyCount: UInt32(range.count),
        pieceStart: UInt32(pieces.count),
        pieceCount: UInt32(found.count))
      for index in range { keys.append(text[index]) }
      pieces.append(contentsOf: found)
      count += 1
      return
    }
  }
}
