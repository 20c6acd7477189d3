import ArgumentParser
import Editing
import Patches

/// What --route says: a route whose numbers are all told, or one by embeddings, which finds them.
enum RouteArgument {
  case told(MemoryRoute)
  case embedding(EmbeddingRoute)

  /// What it is called, as a method's routes name it.
  var name: String {
    switch self {
    case .told(let route): route.kind
    case .embedding(let route): route.bySubject ? "subject+embedding" : "embedding"
    }
  }

  init(_ text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    func refuse() -> ValidationError {
      ValidationError(
        "--route takes always, subject, words or words:0.8, near or near:5, embedding or embedding:0.7, subject+embedding, not \(text)."
      )
    }
    func number(_ range: ClosedRange<Double>, else common: Double?) throws -> Double? {
      guard parts.count == 2 else { return common }
      guard let number = Double(parts[1]), range.contains(number) else { throw refuse() }
      return number
    }
    switch (parts.first, parts.count) {
    case ("always", 1): self = .told(.always)
    case ("subject", 1): self = .told(.subject)
    case ("words", _): self = .told(.words(share: try number(0...1, else: 0.8)!))
    case ("near", let count):
      guard let distance = count == 1 ? 5 : Int(parts[1]), (0...MemoryRoute.distanceLimit).contains(distance)
      else { throw refuse() }
      self = .told(.near(distance: distance))
    case ("embedding", _), ("subject+embedding", _):
      self = .embedding(
        EmbeddingRoute(similarity: try number(-1...1, else: nil), bySubject: parts[0] != "embedding"))
    default: throw refuse()
    }
  }
}
