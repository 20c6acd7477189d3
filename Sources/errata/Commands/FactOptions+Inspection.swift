import Editing
import ModelFiles
import Transformer

/// Looks at facts as the network will see them, and says what is worth knowing before anything is computed.
///
/// - Parameters:
///   - method: how they are to be stored.
///   - chat: what goes around a prompt where they are to hold in a chat too.
///   - skipsBad: leaves out facts that the network cannot take, and says so, instead of refusing all.
/// - Returns: the facts to be stored.
func inspected(
  _ records: [FactRecord], _ running: RunningModel, _ method: EditMethod, chat: ChatFrame?, skipsBad: Bool,
  _ messages: OutputOptions
) throws -> [FactRecord] {
  let inspection = FactInspection(
    records, chat: chat, encoder: running.encoder, usesSubjects: method.needsSubject)
  if let first = inspection.refused.first, !skipsBad || inspection.usable.isEmpty { throw first.reason }
  for (_, error) in inspection.refused {
    let reason = ErrorReport.explain(error)
    messages.say("Warning: left out \(reason.place ?? ""): \(reason.why)")
  }
  for line in FactNotice.words(inspection.notices) { messages.say("Warning: \(line)") }
  return inspection.usable
}
