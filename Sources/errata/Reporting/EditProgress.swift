import Editing

/// What an edit is doing, on a terminal or, with -v, line by line.
final class EditProgress {
  private let messages: OutputOptions
  private var bar: Progress?
  private var done = 0

  init(_ messages: OutputOptions) { self.messages = messages }

  func show(_ stage: Edit.Stage) {
    switch stage {
    case .values(let done, let total):
      if bar == nil { bar = Progress("values", total: total, unit: .facts, messages) }
      bar?.advance(done - self.done)
      self.done = done
    case .contexts, .gradients, .training, .measuring: break
    case .weight(let weight, let phase):
      finish()
      if messages.verbose { messages.say("\(weight): \(phase)") }
    }
  }

  func finish() {
    bar?.finish()
    bar = nil
    done = 0
  }
}
