import ModelFiles
import Synchronization

@testable import Patches

/// A disk that goes wrong at one of its operations.
final class FailingDisk: Disk {
  /// How.
  enum Way: Equatable {
    /// Nothing happens from this operation on, as after a kill: whoever goes on sees only errors.
    case dies
    /// The same, but half of what the operation writes is written.
    case tears
    /// This one operation fails; what comes after it goes well.
    case fails
  }

  private let stop: Int
  private let way: Way
  private let operations = Atomic<Int>(0)
  private let system = SystemDisk()

  init(_ way: Way, at stop: Int) { (self.way, self.stop) = (way, stop) }

  /// Operations that were asked for.
  var count: Int { operations.load(ordering: .relaxed) }
  /// Whether the run came as far as the fault.
  var isHit: Bool { count > stop }

  private var trouble: ModelFileError { ModelFileError(.system(call: "test", code: 5), file: "disk") }

  /// Counts an operation; whether it is the one that goes wrong.
  private func begin() throws(ModelFileError) -> Bool {
    let number = operations.wrappingAdd(1, ordering: .relaxed).oldValue
    if number == stop { return true }
    guard way == .fails || number < stop else { throw trouble }
    return false
  }

  private func perform(
    _ half: () throws(ModelFileError) -> Void = {}, _ body: () throws(ModelFileError) -> Void
  )
    throws(ModelFileError)
  {
    guard try begin() else { return try body() }
    if way == .tears { try half() }
    throw trouble
  }

  func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile, at offset: Int) throws(ModelFileError) {
    try perform { () throws(ModelFileError) in
      try system.write(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), to: file, at: offset)
    } _: { () throws(ModelFileError) in
      try system.write(bytes, to: file, at: offset)
    }
  }

  func copy(_ range: Range<Int>, of source: OpenFile, to file: OpenFile, at offset: Int)
    throws(ModelFileError)
  {
    try perform { () throws(ModelFileError) in
      let half = range.lowerBound..<range.lowerBound + range.count / 2
      try system.copy(half, of: source, to: file, at: offset)
    } _: { () throws(ModelFileError) in
      try system.copy(range, of: source, to: file, at: offset)
    }
  }

  func synchronize(_ file: OpenFile) throws(ModelFileError) {
    try perform { () throws(ModelFileError) in try system.synchronize(file) }
  }

  func publish(_ file: AtomicFile) throws(ModelFileError) {
    try perform { () throws(ModelFileError) in try system.publish(file) }
  }

  func remove(_ path: String) throws(ModelFileError) {
    try perform { () throws(ModelFileError) in try system.remove(path) }
  }

  func synchronizeFolder(_ path: String) throws(ModelFileError) {
    try perform { () throws(ModelFileError) in try system.synchronizeFolder(path) }
  }
}
