internal import Floor
internal import ModelFiles

/// The records of a facts file: `Formats/facts.md`. For `edit --facts` and `eval --data` alike.
///
/// A JSON array of records; or records one after another, as in JSON lines; or a folder of such files, where what several
/// files have for one fact is put together. Published files have a bad record here and there: it is an error when it is wanted, not
/// when the file is opened.
public struct FactsFile: Sendable {
  /// The file or folder.
  public let path: String
  /// What was wrong with the records that were left out.
  public private(set) var skipped: [FactsError] = []
  /// In the order of the file; a record of several facts gives several.
  private(set) var items: [Item] = []

  /// A fact, or what is wrong with a record.
  struct Item: Sendable {
    /// What it may be asked for by: the fact's own name, and its record's.
    let names: Set<String>
    var result: Result<FactRecord, FactsError>

    /// The fact, if it is good.
    var record: FactRecord? { try? result.get() }
    /// What is wrong, if something is.
    var error: FactsError? { if case .failure(let error) = result { error } else { nil } }
  }

  /// Reads a file or a folder.
  ///
  /// - Throws: `FactsError` for what is wrong with the file as a whole, `noRecords` for one without; `ModelFileError` when the file cannot
  ///   be read, or is no text.
  public init(_ path: String, _ reading: FactsReading = FactsReading()) throws {
    self.path = path
    let files = Folder.exists(path) ? try FactsFile.files(in: path) : [path]
    var places: [FactKey: Int] = [:]
    for file in files {
      let read = try FactsFile.read(file, reading)
      guard files.count > 1 else {
        items = read
        continue
      }
      let known = places
      for item in read {
        guard let record = item.record else {
          items.append(item)
          continue
        }
        if let place = known[FactKey(record.fact)], var merged = items[place].record {
          merged.merge(record)
          items[place].result = .success(merged)
        } else {
          places[FactKey(record.fact)] = items.count
          items.append(item)
        }
      }
    }
    if items.isEmpty { throw FactsError.noRecords(file: path) }
  }

  /// A part of these records.
  init(_ whole: FactsFile, items: [Item]) {
    path = whole.path
    skipped = whole.skipped
    self.items = items
  }

  /// How many facts and bad records there are.
  public var count: Int { items.count }
  /// The good records.
  public var records: [FactRecord] { items.compactMap(\.record) }
  /// Their facts alone.
  public var facts: [Fact] { records.map(\.fact) }

  /// The good records alone; what was wrong with the others is in `skipped`.
  ///
  /// - Throws: `FactsError` of the first where all are bad.
  public func skippingBad() throws(FactsError) -> FactsFile {
    var good = FactsFile(self, items: items.filter { $0.error == nil })
    let bad = items.compactMap(\.error)
    if good.items.isEmpty, let first = bad.first { throw first }
    good.skipped += bad
    return good
  }

  /// The records, all of which must be good.
  ///
  /// - Throws: `BadRecords`.
  public func checked() throws(BadRecords) -> [FactRecord] {
    let bad = items.compactMap(\.error)
    if let first = bad.first { throw BadRecords(first: first, count: bad.count, of: items.count) }
    return records
  }

  private static func files(in folder: String) throws -> [String] {
    let names = try Folder.names(in: folder).filter { $0.hasSuffix(".json") || $0.hasSuffix(".jsonl") }
    guard !names.isEmpty else { throw FactsError.noFactsInFolder(folder: folder) }
    return names.map { Folder.path(folder, $0) }
  }

  private static func read(_ path: String, _ reading: FactsReading) throws -> [Item] {
    let text: TextFile
    do throws(ModelFileError) { text = try TextFile(path, .json, limit: TextFile.Limit.dataset) } catch {
      guard error.reason == .headerEncoding, let place = error.position else { throw error }
      throw FactsError.encoding(file: path, place)
    }
    guard text.bytes.contains(where: { !$0.isBlank }) else { throw FactsError.noRecords(file: path) }
    var items: [Item] = []
    var count = 0
    func take(_ value: JSONValue) {
      count += 1
      let place = RecordPlace(file: path, record: count)
      do throws(FactsError) {
        let records = try FactRecord.all(try RecordFields(value, at: place), reading)
        items += records.map {
          Item(names: [$0.fact.identifier, $0.recordIdentifier], result: .success($0))
        }
      } catch {
        let name = (value["case_id"] ?? value["id"]).flatMap { try? $0.leafText(at: place) }
        items.append(Item(names: [name?.trimmed.nonEmpty ?? String(count)], result: .failure(error)))
      }
    }
    do throws(JSONError) {
      try text.forEachValue { value throws(JSONError) in take(value) }
    } catch {
      throw FactsError.syntax(file: path, error.place.moved(to: text.start), problem: error.problem)
    }
    return items
  }
}
