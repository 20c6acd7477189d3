internal import Floor
internal import ModelFiles

/// Edits that were made for a network: how far they moved the weights, and what they took.
///
/// A file of results has them in a line of their own, so that a run that goes on after a kill tells of the edits made before it.
public struct MadeEdit: Equatable, Sendable {
  /// Facts that were edited together.
  public let facts: Int
  /// By the wall.
  public let seconds: Double
  /// ‖Δ‖ / ‖W‖ by weight; empty for values that are not stored yet.
  public var norms: [String: Double] = [:]
  /// The most memory that the process had while it made them, in bytes; pages of the model included.
  public var peakMemory: Int?
  /// Bytes of a patch of them, but for the facts' lines; `nil` for values.
  public var patchByteCount: Int?

  /// What stands in such a line in place of a record.
  static let name = "edit"

  init(facts: Int, seconds: Double, norms: [String: Double] = [:]) {
    (self.facts, self.seconds, self.norms) = (facts, seconds, norms)
  }

  /// Does a piece of editing, and says what it took.
  static func measured<Result>(
    facts: (Result) -> Int, _ work: () throws -> Result
  ) throws -> (Result, MadeEdit) {
    ProcessUse.forgetPeak()
    let start = ProcessUse.wallSeconds
    let result = try work()
    var made = MadeEdit(facts: facts(result), seconds: ProcessUse.wallSeconds - start)
    made.peakMemory = ProcessUse.now().peakMemory
    return (result, made)
  }

  /// All of it, where it went on from an earlier piece.
  func after(_ earlier: MadeEdit) -> MadeEdit {
    var all = MadeEdit(facts: facts, seconds: earlier.seconds + seconds)
    all.peakMemory = [earlier.peakMemory, peakMemory].compactMap { $0 }.max()
    return all
  }

  /// As a line of a results file carries it; numbers in full.
  var json: JSONValue {
    let sizes = [("peakMemory", peakMemory), ("patch", patchByteCount)].compactMap { name, count in
      count.map { JSONValue.Member(name, .integer($0)) }
    }
    return .object(
      [
        .init("facts", .integer(facts)), .init("seconds", .number(seconds)),
        .init("norms", .object(norms.keys.sorted().map { .init($0, .number(norms[$0]!)) })),
      ] + sizes)
  }

  /// More facts, or bytes, than there are; below it the sum over a file's lines is a number.
  private static let limit = 1 << 40

  init?(_ value: JSONValue) {
    guard let facts = value["facts"]?.integer, (1..<Self.limit).contains(facts),
      let seconds = value["seconds"]?.number,
      seconds.isFinite, let members = value["norms"]?.members
    else { return nil }
    self.init(facts: facts, seconds: seconds)
    for member in members { norms[member.key] = member.value.number }
    func size(_ name: String) -> Int? {
      value[name]?.integer.flatMap { (0..<Self.limit).contains($0) ? $0 : nil }
    }
    (peakMemory, patchByteCount) = (size("peakMemory"), size("patch"))
  }
}
