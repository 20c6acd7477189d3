/// Why statistics cannot be taken, or shards of them not be one.
public enum StatisticsError: Error, Equatable, Sendable {
  /// The file has no second moment of the weight, but of others.
  case noStatistics(file: String, weight: String, weights: [String])
  /// More begin-of-text tokens than tokens.
  case beginCountAboveTokens(file: String, weight: String, begins: Int, tokens: Int)
  /// More tokens went through an expert than there were, or fewer than none.
  case reachedCountAboveTokens(file: String, weight: String, reached: Int, tokens: Int)
  /// The shards were collected on different models.
  case differentModels(first: String, firstModel: String, second: String, secondModel: String)
  /// A weight's input has another width in another shard.
  case differentWidths(weight: String, first: String, firstWidth: Int, second: String, secondWidth: Int)
  /// The counts together are beyond 64 bits.
  case tokenCountOverflow(weight: String, files: [String])
  /// A file is what an interrupted collection left.
  case unfinishedStatistics(file: String, documents: String)
  /// The file is no archive of second moments as ROME and MEMIT write them.
  case badArchive(file: String, byteOffset: Int, detail: String)
  /// The archive's matrix does not fit the weight.
  case archiveWidth(file: String, weight: String, expected: Int, found: Int)
  /// An importance matrix cannot hold the weight's moment.
  case noImatrix(file: String, weight: String, isOfExpert: Bool)
  /// An importance matrix has nothing beside the diagonal.
  case onlyDiagonal(file: String)
}
