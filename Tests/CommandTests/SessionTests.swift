import Glibc
import ModelFiles
import TestSupport
import Testing

@Suite struct SessionTests {
  /// With `ERRATA_RECORD=1` in the environment the sessions are written anew instead of compared.
  static let isRecording = getenv("ERRATA_RECORD") != nil

  @Test(arguments: Session.all())
  func `a recorded session goes as it went`(session: Session) throws {
    let folder = try TemporaryFolder()
    var steps: [Session.Step] = []
    for expected in session.steps {
      let (step, status, changes) = try session.run(expected.command, in: folder)
      steps.append(step)
      if status != 0 {
        #expect(changes.isEmpty, "a command that fails leaves everything as it was: \(step.text)")
      }
      if !SessionTests.isRecording { #expect(step.text == expected.text) }
    }
    guard SessionTests.isRecording else { return }
    Folder.remove(session.path)
    try OpenFile(session.path, .creating).write(Array(session.text(of: steps).utf8), at: 0)
  }
}
