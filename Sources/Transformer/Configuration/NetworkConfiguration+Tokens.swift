internal import ModelFiles

extension NetworkConfiguration {
  /// Refuses the number of a token that the network does not have.
  func check(_ token: some BinaryInteger) throws(NetworkError) {
    guard token >= 0, token < vocabularySize else {
      throw .unknownToken(Int(clamping: token), vocabularySize: vocabularySize)
    }
  }
}
