/// An in-place run, or the recovery of one, that failed and could not leave everything as it was.
public struct InPlaceFailure: Error {
  /// What stands now.
  public enum Aftermath: Equatable, Sendable {
    /// The model is as before, but the journal could be neither closed nor removed: `recover` would do the run again.
    case journalStays(String)
    /// The model is neither as before nor as after; the journal holds what completes or undoes the run.
    case betweenStates(journal: String)
  }

  /// What failed first.
  public let cause: any Error
  /// What stands now.
  public let aftermath: Aftermath
}
