public import ModelFiles

/// Why a tokenizer cannot be read, or a text not be encoded.
///
/// What this version does not do exactly as the reference does is refused by its name.
public enum TokenizerError: Error, Equatable, Sendable {
  /// Neither a `tokenizer.json` beside the weights nor a vocabulary in the file.
  case noTokenizer(place: String)
  /// There is no tokenizer that this version reads, but files of another one.
  case otherTokenizer(place: String, found: [String])
  /// `vocab.json` and `merges.txt` are there without a word of how text is split before them.
  case unknownSplitting(place: String, tokenizerClass: String?)
  /// The file is not JSON.
  case invalidJSON(JSONError, file: String)
  /// Bytes that are not UTF-8, in a file or in a text to encode.
  case invalidUTF8(byteOffset: Int, file: String?)
  /// A key that must be there is not, or its value is of another kind.
  case missingValue(key: String, file: String)
  /// A value that is not among those allowed.
  case unsupportedValue(key: String, found: String, file: String)
  /// The model is not byte-pair encoding.
  case unsupportedModel(String, file: String)
  /// A normalizer, or an order of them, that this version does not do.
  case unsupportedNormalizer(String, file: String)
  /// A pre-tokenizer, its pattern, or an order of them, that this version does not do.
  case unsupportedPreTokenizer(String, file: String)
  /// A pattern that text is split by, with a construct that this version does not match.
  case unsupportedPattern(String, construct: String, file: String)
  /// A post-processor that this version does not do.
  case unsupportedPostProcessor(String, file: String)
  /// A decoder that this version does not do.
  case unsupportedDecoder(String, file: String)
  /// A merge that is malformed, or whose parts or result are not in the vocabulary.
  case badMerge(index: Int, file: String)
  /// The number of a token is negative, or so great that most numbers below it would stand for nothing.
  case tokenOutOfRange(Int, limit: Int, file: String)
  /// Two tokens of one number, or one text under two.
  case duplicateToken(Int, file: String)
  /// A token named elsewhere that the vocabulary does not have.
  case unknownToken(String, key: String, file: String)
  /// An added token whose number is not the one that the vocabulary gives it.
  case addedTokenMismatch(String, stated: Int, expected: Int, file: String)
  /// A token longer than any real one.
  case tokenTooLong(Int, byteCount: Int, limit: Int, file: String)
  /// A byte that no token stands for, in a vocabulary that needs one for each.
  case missingByteToken(UInt8, file: String)
}
