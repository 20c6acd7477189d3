/// The parts that some files have of one whole.
///
/// Work that is spread over machines comes back in parts 1 to N; each must be there, and none twice. Part 0 of 0 is the whole itself.
public struct PartSet: Sendable {
  /// What it is that the parts are of.
  public let whole: String
  /// How many parts there are; `nil` until there is one.
  public private(set) var count: Int?
  /// Files by part.
  private var files: [Int: String] = [:]
  private var first = ""

  /// No parts yet.
  public init(of whole: String) { self.whole = whole }

  /// Takes in a file's part.
  ///
  /// - Throws: `PartsError.repeatedPart`, `differentParts`.
  public mutating func add(_ part: Int, of count: Int, file: String) throws(PartsError) {
    if let known = self.count, known != count {
      throw .differentParts(first: first, second: file, whole: whole)
    }
    if let other = files[part] {
      throw .repeatedPart(
        first: other, second: file, whole: count == 0 ? whole : "\(whole), part \(part) of \(count)")
    }
    if self.count == nil { (self.count, first) = (count, file) }
    files[part] = file
  }

  /// Refuses a set that is not whole.
  ///
  /// - Throws: `PartsError.missingParts`.
  public func requireAll() throws(PartsError) {
    guard let count, count > 0 else { return }
    let missing = (1...count).filter { files[$0] == nil }
    guard missing.isEmpty else { throw .missingParts(whole: whole, missing: missing, count: count) }
  }
}

/// Parts that do not make a whole.
public enum PartsError: Error, Equatable, Sendable {
  /// Two files have the same part.
  case repeatedPart(first: String, second: String, whole: String)
  /// Parts are in no file.
  case missingParts(whole: String, missing: [Int], count: Int)
  /// One whole was cut into different numbers of parts.
  case differentParts(first: String, second: String, whole: String)
  /// The files are parts of different work.
  case ofOtherWork(first: String, second: String)
  /// The file is no part of anything.
  case noPart(file: String)
  /// The file is what an interrupted run left of its part.
  case unfinishedPart(file: String, done: String)
  /// The run was told to end, and has saved what it had.
  case stopped(file: String, done: String)
  /// The run was told to end before it had anything to save.
  case stoppedEarly(done: String)
}
