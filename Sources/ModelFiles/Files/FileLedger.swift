internal import Synchronization

/// What a piece of work did to files beside what it returns: what stands although it failed, and what went wrong although
/// it succeeded.
///
///     let ledger = FileLedger()
///     try ledger.record { try model.write(.apply, to: "edited") }
///     for warning in ledger.warnings { … }
public final class FileLedger: Sendable {
  /// Something that did not go as it should though the result is whole.
  public struct Warning: Equatable, Sendable {
    /// What.
    public enum Kind: String, Sendable {
      /// The file is whole and has its name; whether the name is on the disk is not known.
      case nameNotSynchronized
      /// The run is over, but its journal could not be removed. It is marked as closed, and harmless.
      case journalStays
      /// A temporary file could not be removed.
      case temporaryStays
    }

    /// What.
    public let kind: Kind
    /// The file.
    public let file: String
    /// Why.
    public let cause: ModelFileError
  }

  @TaskLocal private static var current: FileLedger?

  private let entries = Mutex((written: [String](), changed: [String](), warnings: [Warning]()))

  /// An empty ledger.
  public init() {}

  /// Runs work that is written down here; the calling thread's only.
  public func record<Result>(_ work: () throws -> Result) rethrows -> Result {
    try FileLedger.$current.withValue(self, operation: work)
  }

  /// Files and folders that got their name, and still have it.
  public var written: [String] { entries.withLock { $0.written }.filter { Folder.occupied($0) } }
  /// Models whose own files were changed.
  public var changed: [String] { entries.withLock { $0.changed } }
  /// What went wrong beside the result.
  public var warnings: [Warning] { entries.withLock { $0.warnings } }

  static func note(written path: String) {
    // What stands in a temporary folder is not there for anybody else.
    guard !TemporaryName.isOne(Folder.name(of: Folder.containing(path))) else { return }
    current?.entries.withLock { if !$0.written.contains(path) { $0.written.append(path) } }
  }

  /// Notes that a model was changed in place.
  public static func note(changed model: String) {
    current?.entries.withLock { if !$0.changed.contains(model) { $0.changed.append(model) } }
  }

  /// Notes a failure that does not touch the result.
  public static func warn(_ kind: Warning.Kind, _ file: String, _ cause: ModelFileError) {
    current?.entries.withLock { $0.warnings.append(Warning(kind: kind, file: file, cause: cause)) }
  }
}
