internal import Glibc
internal import Synchronization

/// What this process has unfinished on disks: temporary files, and journals of in-place runs. For whoever must end the
/// process in the middle of its work.
public enum FilesUnderWay {
  private struct State {
    var temporaries: Set<String> = []
    var journals: Set<String> = []
  }

  private static let state = Mutex(State())
  /// What each temporary file will be called, also when it is gone; under a lock of its own, as `abandon` keeps the other.
  private static let outputs = Mutex<[(temporary: String, output: String)]>([])

  static func begin(_ temporary: String, for output: String) {
    _ = begin(temporary, for: output) { (Int32(0), Int32(0)) }
  }

  /// The beginning of a temporary file: its making and its coming on the list are one step for `abandon`.
  static func begin(
    _ temporary: String, for output: String, _ make: () -> (descriptor: Int32, code: Int32)
  ) -> (descriptor: Int32, code: Int32) {
    outputs.withLock { outputs in
      if !outputs.contains(where: { $0.temporary == temporary }) { outputs.append((temporary, output)) }
    }
    return state.withLock { state in
      let made = make()
      if made.descriptor >= 0 { state.temporaries.insert(temporary) }
      return made
    }
  }

  /// A message with the outputs' names in place of temporary ones, which say nothing to anybody.
  public static func naming(_ text: String) -> String {
    let outputs = outputs.withLock { $0 }
    return outputs.reversed().reduce(text) { text, known in
      var text = text
      while let range = text.firstRange(of: known.temporary) {
        // What follows is a file inside, or the number of a run.
        let rest = text[range.upperBound...].prefix { !" ,:\n".contains($0) }
        text.replaceSubrange(range.lowerBound..<rest.endIndex, with: known.output)
      }
      return text
    }
  }

  /// The end of a temporary file: what `body` does to it and its leaving the list are one step for `abandon`.
  static func end<Result>(_ temporary: String, _ body: () -> Result) -> Result {
    state.withLock { state in
      let result = body()
      state.temporaries.remove(temporary)
      return result
    }
  }

  /// Takes a temporary file or folder away; what the system refuses stays, and is said.
  static func remove(_ temporary: String) {
    let code = end(temporary) { () -> Int32 in
      Folder.remove(temporary)
      let code = errno
      return Folder.occupied(temporary) ? code : 0
    }
    guard code != 0 else { return }
    FileLedger.warn(
      .temporaryStays, temporary, ModelFileError(.system(call: "unlink", code: code), file: temporary))
  }

  /// Notes that a journal stands or is about to, or no longer does. What counts in the end is whether it is there.
  public static func setJournal(_ path: String, isOpen: Bool) {
    state.withLock { state in
      if isOpen { state.journals.insert(path) } else { state.journals.remove(path) }
    }
  }

  /// Removes all temporary files and does not let go of the list: nothing gets a name after this.
  ///
  /// - Parameter finish: told the journals of runs that are cut off; ends the process.
  public static func abandon(_ finish: (_ journals: [String]) -> Never) -> Never {
    state.withLock { state in
      for path in state.temporaries { Folder.remove(path) }
      finish(state.journals.filter { Folder.occupied($0) }.sorted())
    }
  }
}
