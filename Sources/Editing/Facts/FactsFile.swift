internal import Floor
internal import ModelFiles

/// The records of a facts file: `Formats/facts.md`. For `edit --facts` and `eval --data` alike.
///
/// A JSON array of records; or records one after another, as in JSON lines; or a folder of such files, where what several
/// files have for one fact is put together.
public struct FactsFile: Sendable {
  /// The file or folder.
  public let path: String
  /// The good records, in the order of the file.
  public private(set) var records: [FactRecord] = []
  /// What was wrong with the records left out; empty unless bad ones are to be skipped.
  public private(set) var skipped: [FactsError] = []

  /// Larger files are refused; the datasets have at most a tenth of it.
  static let byteLimit = 1 << 30

  /// Reads a file or a folder.
  ///
  /// - Parameters:
  ///   - zsRETarget: which answer of a zsRE record is the target.
  ///   - skipBad: leaves bad records out, and says so in `skipped`, instead of refusing the file.
  /// - Throws: `FactsError`; `ModelFileError` when the file cannot be read.
  public init(_ path: String, zsRETarget: ZsRETarget = .alternative, skipBad: Bool = false) throws {
    self.path = path
    let files = Folder.exists(path) ? try FactsFile.files(in: path) : [path]
    var places: [FactKey: Int] = [:]
    for file in files {
      let (read, bad) = try FactsFile.read(file, zsRETarget)
      if let first = bad.first, !skipBad { throw first }
      skipped += bad
      guard files.count > 1 else {
        records = read
        continue
      }
      let known = places
      for record in read {
        if let place = known[FactKey(record.fact)] {
          records[place].merge(record)
        } else {
          places[FactKey(record.fact)] = records.count
          records.append(record)
        }
      }
    }
    if records.isEmpty { throw skipped.first ?? FactsError.noRecords(file: path) }
  }

  /// A part of these records.
  init(_ whole: FactsFile, records: [FactRecord]) {
    path = whole.path
    skipped = whole.skipped
    self.records = records
  }

  /// The facts alone.
  public var facts: [Fact] { records.map(\.fact) }

  private static func files(in folder: String) throws -> [String] {
    let names = try Folder.names(in: folder).filter { $0.hasSuffix(".json") || $0.hasSuffix(".jsonl") }
    guard !names.isEmpty else { throw FactsError.noFactsInFolder(folder: folder) }
    return names.map { Folder.path(folder, $0) }
  }

  /// Reads one file; bad records come back as errors.
  private static func read(_ path: String, _ zsRETarget: ZsRETarget) throws -> ([FactRecord], [FactsError]) {
    let file = try OpenFile(path, .reading)
    let size = try file.size()
    guard size <= byteLimit else {
      throw FactsError.fileTooLarge(file: path, byteCount: size, limit: byteLimit)
    }
    let bytes = try file.read(size, at: 0)
    if let offset = bytes.firstInvalidUTF8 { throw FactsError.encoding(file: path, byteOffset: offset) }

    var records: [FactRecord] = []
    var bad: [FactsError] = []
    func take(_ value: JSONValue) {
      let place = RecordPlace(file: path, record: records.count + bad.count + 1)
      do throws(FactsError) {
        records.append(try FactRecord(try RecordFields(value, at: place), zsRETarget: zsRETarget))
      } catch { bad.append(error) }
    }
    var reader = JSONReader(bytes[...])
    guard let first = try? reader.peek() else { throw FactsError.noRecords(file: path) }
    do throws(JSONError) {
      if first == UInt8(ascii: "[") {
        try reader.array { reader throws(JSONError) in take(try JSONValue(parsing: &reader)) }
        try reader.finish()
      } else {
        repeat { take(try JSONValue(parsing: &reader)) } while (try? reader.peek()) != nil
      }
    } catch {
      throw FactsError.syntax(file: path, byteOffset: error.byteOffset, problem: error.problem)
    }
    return (records, bad)
  }
}
