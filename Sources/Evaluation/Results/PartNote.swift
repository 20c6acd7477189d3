internal import Editing
internal import ModelFiles

// A part's file is a file of results with a first line, a last one, and each record's place among the lines of one run:
//
//     {"run": asked, "label": "part 2 of 3", "record": "part", "id": "begin", "probes": [], "part": 2, "of": 3}
//     {"run": …, …, "place": 17}
//     {"run": plan, "label": "part 2 of 3", "record": "part", "id": "end", "probes": [], "places": 120}

/// The first line of a part's file.
struct PartNote: Equatable {
  let shard: Corpus.Shard
  /// Names what is asked.
  let asked: String

  static let record = "part"
  static let begin = "begin"
  static let place = "place"

  init(_ shard: Corpus.Shard, of asked: String) { (self.shard, self.asked) = (shard, asked) }

  init?(_ line: JSONValue) {
    guard line["record"]?.text == Self.record, line["id"]?.text == Self.begin,
      let number = line["part"]?.integer, let count = line["of"]?.integer,
      let shard = Corpus.Shard(number, of: count), let asked = line["run"]?.text
    else { return nil }
    self.init(shard, of: asked)
  }

  var label: String { "part \(shard.number) of \(shard.count)" }

  var json: JSONValue {
    [
      "run": .string(asked), "label": .string(label), "record": .string(Self.record),
      "id": .string(Self.begin), "probes": [], "part": .integer(shard.number), "of": .integer(shard.count),
    ]
  }
}

/// The last line of a part's file that is done.
struct PartEnd: Equatable {
  /// Lines of records and tasks that one run writes.
  let places: Int
  /// Names all networks and records that are asked, in order: the same for all parts.
  let plan: String

  static let end = "end"

  init(places: Int, plan: String) { (self.places, self.plan) = (places, plan) }

  init?(_ line: JSONValue) {
    guard line["record"]?.text == PartNote.record, line["id"]?.text == Self.end,
      let places = line["places"]?.integer, places >= 0, let plan = line["run"]?.text
    else { return nil }
    self.init(places: places, plan: plan)
  }

  func json(of part: PartNote) -> JSONValue {
    [
      "run": .string(plan), "label": .string(part.label), "record": .string(PartNote.record),
      "id": .string(Self.end), "probes": [], "places": .integer(places),
    ]
  }
}

/// What a part does of a run over some records.
///
/// Chunks of records that are asked together are handed out one by one. A network that has to be edited first is one part's with all its
/// records, and parts have neighboring batches, so that values, which are found for many records together, are seldom found twice; sequences
/// take turns.
struct PartShare {
  private let shard: Corpus.Shard?
  /// The part that has all, from 0; `nil` where chunks are handed out.
  private let owner: Int?
  private let run: Int
  /// Whether a part may ask; a network that was asked before is not, since its turn may have been another part's.
  private let isOpen: Bool

  init(
    of part: EvaluationSeries.Part, among records: Int, run: Int, isNew: Bool, for shard: Corpus.Shard?
  ) {
    (self.shard, self.run) = (shard, run)
    isOpen = shard == nil || isNew
    owner = shard.flatMap { shard in
      switch part.making {
      case .nothing: nil
      case .batch: shard.owner(of: part.records.lowerBound, among: records) - 1
      case .sequence: run % shard.count
      }
    }
  }

  /// Whether there may be any.
  var hasRecords: Bool { isOpen && (shard == nil || owner == nil || owner == shard!.number - 1) }
  func hasChunk(_ number: Int) -> Bool {
    shard.map { owner == nil ? $0.contains(number) : hasRecords } ?? true
  }
  var hasTasks: Bool {
    isOpen && (shard.map { owner == nil ? $0.contains(run) : hasRecords } ?? true)
  }
}

extension Corpus.Shard {
  /// The part, from 1, that has the records from this one on where parts have neighboring ones.
  func owner(of record: Int, among records: Int) -> Int { record * count / records + 1 }
}
