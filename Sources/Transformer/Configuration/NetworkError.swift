/// Why a network cannot be made of a model's weights, or cannot run. Cases hold the values; the command writes the prose.
public enum NetworkError: Error, Equatable, Sendable {
  /// The model has no tensor for a place that the network needs; some that come near.
  case missingWeight(names: [String], near: [String])
  /// The configuration says that the embedding is not the head, and there is no head.
  case missingHead(names: [String], near: [String])
  /// A weight has another shape than the configuration says.
  case weightShape(tensor: String, expected: [Int], found: [Int])
  /// A weight is stored in a type whose numbers are not known.
  case opaqueWeight(tensor: String, type: String)
  /// A layer has experts where one weight is asked for.
  case layerOfExperts(layer: Int, count: Int)
  /// A token that the network has no embedding of.
  case unknownToken(Int, vocabularySize: Int)
  /// More positions than the network has embeddings for.
  case tooManyPositions(count: Int, limit: Int)
  /// A text longer than those the model was first made for, which it turns otherwise from the beginning on, is to go on from a past.
  case longTextInPieces(count: Int, limit: Int)
  /// What the network computes are no numbers; `tensor`: the first weight that holds one that is none, or `nil` where they all are and
  /// numbers grow beyond all bounds on the way.
  case notNumbers(tensor: String?)
}
