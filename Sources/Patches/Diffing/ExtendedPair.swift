internal import Floor
internal import Glibc
internal import ModelFiles

/// Two sides of a tensor of which one has longer runs that begin as the other's do.
struct ExtendedPair {
  let before: TensorInfo
  let after: TensorInfo
  let base: OpenFile
  let edited: OpenFile
  let runs: Int

  /// The pair, where the sides are one; `nil` where anything else differs.
  ///
  /// Rows at the end of a tensor are a resizing, which also tells of rows that differ. A tensor that holds a gate before its up-projection
  /// gets rows in its middle too: two runs.
  static func find(
    _ before: TensorInfo, in base: ModelFile, _ after: TensorInfo, in edited: ModelFile
  ) throws -> ExtendedPair? {
    let (old, new) = (TensorForm(before), TensorForm(after))
    guard let axis = ExtendedChange.axis(old, new) else { return nil }
    let runs = axis == 0 ? 2 : old.shape[..<axis].reduce(1, *)
    guard ExtendedChange.fits(runs, old, new) else { return nil }
    let pair = ExtendedPair(
      before: before, after: after, base: base.file(of: before), edited: edited.file(of: after), runs: runs)
    return try pair.isExtended() ? pair : nil
  }

  private var shortRun: Int { min(before.byteCount, after.byteCount) / runs }
  private var longRun: Int { max(before.byteCount, after.byteCount) / runs }
  private var shorter: (info: TensorInfo, file: OpenFile) {
    before.byteCount < after.byteCount ? (before, base) : (after, edited)
  }
  private var longer: (info: TensorInfo, file: OpenFile) {
    before.byteCount < after.byteCount ? (after, edited) : (before, base)
  }

  private func isExtended() throws -> Bool {
    let (short, long) = (shorter, longer)
    for piece in RunPieces(runs: runs, common: shortRun, end: longRun - shortRun) {
      let own = try short.file.read(piece.commonCount, at: short.info.byteRange.lowerBound + piece.inShorter)
      let other = try long.file.read(piece.longCount, at: long.info.byteRange.lowerBound + piece.inLonger)
      let isSame = own.withUnsafeBytes { own in
        other.withUnsafeBytes { other in
          // SAFETY: a piece says where in both its parts lie.
          piece.parts.allSatisfy {
            memcmp(own.baseAddress! + $0.short, other.baseAddress! + $0.long, $0.commonCount) == 0
          }
        }
      }
      if !isSame { return false }
    }
    return true
  }

  /// What only the longer side has, piece by piece.
  func forEachEnd(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let long = longer
    for piece in RunPieces(runs: runs, common: shortRun, end: longRun - shortRun) {
      let bytes = try long.file.read(piece.longCount, at: long.info.byteRange.lowerBound + piece.inLonger)
      for part in piece.parts where part.endCount > 0 {
        let start = part.long + part.commonCount
        try body(bytes[start..<start + part.endCount])
      }
    }
  }
}

/// The runs of two sides in pieces that fit into memory: several runs, or a part of one.
struct RunPieces: Sequence, IteratorProtocol {
  private let (runs, common, end): (Int, Int, Int)
  /// Where the next piece begins: a run, and a byte of the longer side's.
  private var (run, offset) = (0, 0)
  private static let byteLimit = 1 << 20

  init(runs: Int, common: Int, end: Int) { (self.runs, self.common, self.end) = (runs, common, end) }

  /// A stretch of a run in a piece: what both sides have, and after it what only the longer one has.
  struct Part {
    let short: Int
    let long: Int
    let commonCount: Int
    let endCount: Int
  }

  struct Piece {
    /// Where it begins in the sides.
    let inShorter: Int
    let inLonger: Int
    let parts: [Part]

    var commonCount: Int { parts.reduce(0) { $0 + $1.commonCount } }
    var endCount: Int { parts.reduce(0) { $0 + $1.endCount } }
    var longCount: Int { commonCount + endCount }
  }

  mutating func next() -> Piece? {
    guard run < runs else { return nil }
    let (first, start) = (run, offset)
    var parts: [Part] = []
    var (short, long) = (0, 0)
    while run < runs, long < Self.byteLimit {
      let take = Swift.min(common + end - offset, Self.byteLimit - long)
      let both = Swift.max(0, Swift.min(common - offset, take))
      parts.append(Part(short: short, long: long, commonCount: both, endCount: take - both))
      short += both
      long += take
      offset += take
      if offset == common + end { (run, offset) = (run + 1, 0) }
    }
    return Piece(
      inShorter: first * common + Swift.min(start, common), inLonger: first * (common + end) + start,
      parts: parts)
  }
}
