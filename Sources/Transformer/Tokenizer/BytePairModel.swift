internal import ModelFiles

/// Vocabulary and merges of a file, checked: every number in range, every merge of known tokens.
enum BytePairModel {
  /// Numbers may leave holes, but not so many that a short file takes much memory.
  static func numberLimit(_ count: Int) -> Int { min(4 * count + 1024, Int(Int32.max) / 2) }

  static func read(
    _ json: TokenizerJSON, isByteLevel: Bool
  ) throws(TokenizerError) -> (Vocabulary, MergeTable) {
    let file = json.file
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = json.model[key]?.text, !text.isEmpty {
        throw .unsupportedValue(key: "model.\(key)", found: text, file: file)
      }
    }
    if let dropout = json.model["dropout"]?.number, dropout != 0 {
      throw .unsupportedValue(key: "model.dropout", found: "\(dropout)", file: file)
    }
    let limit = numberLimit(json.vocabulary.count)
    var vocabulary = Vocabulary(expecting: json.vocabulary.count)
    for (content, number) in json.vocabulary {
      guard number < limit else { throw .tokenOutOfRange(number, limit: limit, file: file) }
      let (bytes, findable) = stored(content, isByteLevel: isByteLevel)
      guard vocabulary.insert(bytes, number, findable: findable) else {
        throw .duplicateToken(number, file: file)
      }
    }
    var merges = MergeTable(expecting: json.merges.count)
    for (index, parts) in json.merges.enumerated() {
      guard let (left, right) = parts,
        let merge = merge(left, right, index, vocabulary, isByteLevel: isByteLevel)
      else { throw .badMerge(index: index, file: file) }
      // Of two merges of one pair the library keeps the last.
      merges.insert(merge.left, merge.right, merge.merge, replacing: true)
    }
    return (vocabulary, merges)
  }

  /// A token's bytes, and whether text can become it: a token of a byte-level vocabulary that is not of its alphabet
  /// cannot.
  static func stored(_ content: String, isByteLevel: Bool) -> (bytes: [UInt8], findable: Bool) {
    guard isByteLevel else { return (Array(content.utf8), true) }
    guard let bytes = ByteAlphabet.bytes(of: content.unicodeScalars) else {
      return (Array(content.utf8), false)
    }
    return (bytes, true)
  }

  /// A merge whose parts and result the vocabulary has.
  static func merge(
    _ left: String, _ right: String, _ rank: Int, _ vocabulary: Vocabulary, isByteLevel: Bool
  ) -> (left: Int32, right: Int32, merge: MergeTable.Merge)? {
    let (first, second) = (stored(left, isByteLevel: isByteLevel), stored(right, isByteLevel: isByteLevel))
    guard first.findable, second.findable, let left = vocabulary.token(first.bytes),
      let right = vocabulary.token(second.bytes), let whole = vocabulary.token(first.bytes + second.bytes)
    else { return nil }
    return (left, right, MergeTable.Merge(rank: UInt32(rank), token: whole))
  }

  /// The tokens `<0x00>` to `<0xFF>`, -1 for those that are not there.
  static func byteTokens(_ vocabulary: Vocabulary) -> [Int32] {
    (0...255).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return vocabulary.token(Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)) ?? -1
    }
  }
}
