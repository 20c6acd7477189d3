import ArgumentParser
import Editing

/// A method by its name: one that changes weights, or one that leaves them alone.
enum MethodChoice {
  case weights(EditMethod)
  case memory(MemoryMethod)

  init(name: String) throws {
    if let method = EditMethod(name: name) {
      self = .weights(method)
    } else if let method = MemoryMethod(name: name) {
      self = .memory(method)
    } else {
      throw ValidationError(
        "--method takes \(EditMethod.list(joining: "and")), which change weights, and \(Self.memories), which leave them alone; not \(name)."
      )
    }
  }

  /// Names of all, for a sentence.
  static var memories: String {
    let names = MemoryMethod.all.map(\.name)
    return names.dropLast().joined(separator: ", ") + " or " + names.last!
  }
}
