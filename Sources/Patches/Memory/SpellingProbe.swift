/// A text that many others are held against, by the insertions, deletions and replacements of a character that lie between.
///
/// As `MemoryText.distance`, on the bytes as they lie in a file where both are ASCII: what they begin and end with alike is left out, and nothing is
/// allocated.
public struct SpellingProbe {
  /// Characters of the text.
  public let count: Int
  private let scalars: [UInt32]
  private let bytes: [UInt8]
  private let isASCII: Bool
  /// Of the band of changes: where it stands in a row.
  private var row: [Int]

  /// - Parameter text: normalized.
  public init(_ text: String) {
    scalars = text.unicodeScalars.map(\.value)
    bytes = Array(text.utf8)
    isASCII = bytes.allSatisfy { $0 < 0x80 }
    count = scalars.count
    row = [Int](repeating: 0, count: bytes.count + 1)
  }

  /// Changes between the text and another one in UTF-8, and that one's characters; `nil` beyond a limit.
  public mutating func distance(
    toUTF8 other: UnsafeRawBufferPointer, limit: Int
  ) -> (distance: Int, count: Int)? {
    var bits: UInt8 = 0
    for byte in other { bits |= byte }
    guard isASCII, bits < 0x80 else {
      let own = String(decoding: other, as: UTF8.self).unicodeScalars.map(\.value)
      return MemoryText.distance(own, scalars, limit: limit).map { ($0, own.count) }
    }
    guard abs(other.count - count) <= limit else { return nil }
    let bytes = bytes
    return bytes.withUnsafeBytes { own in
      var (ownEnd, otherEnd) = (own.count, other.count)
      while ownEnd > 0, otherEnd > 0, own[ownEnd - 1] == other[otherEnd - 1] {
        (ownEnd, otherEnd) = (ownEnd - 1, otherEnd - 1)
      }
      var start = 0
      while start < min(ownEnd, otherEnd), own[start] == other[start] { start += 1 }
      // SAFETY: the ranges were just found within both.
      let (one, two) = (
        UnsafeRawBufferPointer(rebasing: other[start..<otherEnd]),
        UnsafeRawBufferPointer(rebasing: own[start..<ownEnd])
      )
      return row.withUnsafeMutableBufferPointer { Self.distance(one, two, limit: limit, row: $0) }.map {
        ($0, other.count)
      }
    }
  }

  /// - Parameter row: room for one number more than `other` has bytes.
  private static func distance(
    _ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer, limit: Int,
    row: UnsafeMutableBufferPointer<Int>
  ) -> Int? {
    if one.isEmpty || other.isEmpty {
      return max(one.count, other.count) <= limit ? max(one.count, other.count) : nil
    }
    for j in 0...other.count { row[j] = j }
    for i in 0..<one.count {
      // Only the band around the diagonal can stay within the limit.
      let first = max(0, i - limit)
      let end = min(other.count, i + limit + 1)
      guard first < end else { return nil }
      var diagonal = row[first]
      row[first] = first == 0 ? i + 1 : limit + 1
      var least = row[first]
      for j in first..<end {
        let above = j == i + limit ? limit + 1 : row[j + 1]
        let next = min(diagonal &+ (one[i] == other[j] ? 0 : 1), min(above, row[j]) &+ 1)
        diagonal = row[j + 1]
        row[j + 1] = next
        least = min(least, next)
      }
      if least > limit { return nil }
    }
    return row[other.count] <= limit ? row[other.count] : nil
  }
}
