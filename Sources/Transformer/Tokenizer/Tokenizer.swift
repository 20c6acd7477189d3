public import ModelFiles
private import Synchronization

/// Turns text into the tokens a model was trained on, and back.
///
/// Equal, token for token, to huggingface/tokenizers for a `tokenizer.json` and to llama.cpp for the metadata of a GGUF
/// file; what cannot be done equally is refused when the tokenizer is read. One tokenizer serves many threads.
public struct Tokenizer: Sendable {
  /// One more than the greatest number of a token; a model may have more rows than that.
  public let vocabularySize: Int
  /// The token that `encode` puts at the beginning, if it does.
  public let beginToken: Int?
  /// Tokens that end a text; a generated one stops there.
  public let endTokens: Set<Int>
  /// Whether the token at the beginning stands before a chat as well, where the template does not write it: llama.cpp puts it there,
  /// transformers does not.
  public let beginsChats: Bool
  /// What was not said where the tokenizer was read, and had to be taken for granted.
  public let notices: [TokenizerNotice]

  let normalization: TextNormalization
  let prefix: PrefixRule
  let splitting: TextSplitting
  let encoder: WordEncoder
  /// Found before normalization, and after it.
  let addedTokens: AddedTokens
  let normalizedTokens: AddedTokens
  /// Tokens put before and after every text.
  let beginning: [Int32]
  let ending: [Int32]
  let decoder: TokenDecoder
  /// What tokens are to the decoder, where that is not what the vocabulary says.
  let addedContents: [Int32: [UInt8]]
  let special: Set<Int32>
  let classes: CharacterClasses
  private let scratches = EncodingScratchPool()

  /// The tokenizer of a model: `tokenizer.json`, or `vocab.json` with `merges.txt`, beside safetensors weights, or the metadata of a GGUF file.
  public init(of model: ModelFile) throws {
    switch model.format {
    case .gguf: try self.init(gguf: model)
    case .safetensors: try self.init(folder: model.folder)
    }
  }

  init(_ parts: TokenizerParts) {
    vocabularySize = max(
      parts.encoder.vocabulary.tokens.count, (parts.addedContents.keys.max().map { Int($0) + 1 } ?? 0))
    beginToken = parts.beginning.first.map { Int($0) }
    endTokens = parts.endTokens
    notices = parts.notices
    beginsChats = parts.beginsChats
    normalization = parts.normalization
    prefix = parts.prefix
    splitting = parts.splitting
    encoder = parts.encoder
    addedTokens = AddedTokens(parts.added.filter { !$0.isNormalized }, order: parts.addedOrder)
    normalizedTokens = AddedTokens(
      parts.added.filter(\.isNormalized), order: parts.addedOrder, foldsMark: parts.normalization.marksSpaces)
    beginning = parts.beginning
    ending = parts.ending
    decoder = parts.decoder
    classes = CharacterClasses(parts.addedOrder == .leftmostLongest ? .tokenizers : .llamaCpp)
    addedContents = parts.addedContents
    special = Set(parts.added.filter(\.isSpecial).map(\.token))
  }

  /// Whether a token is none of text, such as the one at the beginning.
  public func isSpecial(_ token: Int) -> Bool { Int32(exactly: token).map(special.contains) ?? false }

  /// The bytes a token stands for, a leading space included; none for a number without a token.
  public func bytes(of token: Int) -> [UInt8] {
    guard let token = Int32(exactly: token), let content = content(of: token) else { return [] }
    return special.contains(token) ? content : decoder.bytes(of: content)
  }

  /// The text of tokens; bytes that are not UTF-8 become U+FFFD, numbers without a token nothing.
  public func decode(_ tokens: [Int], skippingSpecialTokens: Bool = true) -> String {
    let contents = tokens.compactMap { token -> [UInt8]? in
      guard let token = Int32(exactly: token), !(skippingSpecialTokens && special.contains(token)) else {
        return nil
      }
      return content(of: token)
    }
    return decoder.text(of: contents)
  }

  private func content(of token: Int32) -> [UInt8]? {
    if let content = addedContents[token] { return content }
    guard encoder.vocabulary.tokens.indices.contains(Int(token)) else { return nil }
    return encoder.vocabulary.tokens[Int(token)]
  }

  /// The tokens of UTF-8 text.
  ///
  /// - Throws: `TokenizerError.invalidUTF8`.
  public func encode(utf8 bytes: [UInt8], addingSpecialTokens: Bool = true) throws(TokenizerError)
    -> TokenizedText
  {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw .invalidUTF8(byteOffset: error.byteOffsets.lowerBound, file: nil)
    }
    return scratches.borrow { encode(bytes.span, addingSpecialTokens, &$0) }
  }

  /// The tokens of a text, special ones in it only where they are meant as such.
  ///
  /// A special token that a tokenizer looks for in normalized text is found there in any case; published ones have none.
  func encode(_ text: PromptText, addingSpecialTokens: Bool) -> TokenizedText {
    scratches.borrow { encode(text.text.utf8.span, addingSpecialTokens, literal: text.literal, &$0) }
  }

  /// The tokens of a text, with those that belong at its beginning and end unless they are not wanted.
  public func encode(_ text: String, addingSpecialTokens: Bool = true) -> TokenizedText {
    scratches.borrow { encode(text.utf8.span, addingSpecialTokens, &$0) }
  }
}

/// What a tokenizer is made from, whichever file it is read from.
struct TokenizerParts {
  var normalization = TextNormalization()
  var prefix = PrefixRule.none
  var splitting: TextSplitting
  var encoder: WordEncoder
  var added: [AddedToken] = []
  var addedOrder = AddedTokens.Order.leftmostLongest
  var addedContents: [Int32: [UInt8]] = [:]
  var beginning: [Int32] = []
  var ending: [Int32] = []
  var decoder: TokenDecoder
  var endTokens: Set<Int> = []
  var beginsChats = false
  var notices: [TokenizerNotice] = []
}

/// Something that a tokenizer's file does not say and that decides about its tokens.
public enum TokenizerNotice: Equatable, Sendable {
  /// A GGUF file does not name its pre-tokenizer: the default one is taken, as llama.cpp does, and may be another than the model's.
  case missingPreTokenizer(file: String)
}

/// What encoding needs to have at hand, kept from one text to the next.
struct EncodingScratch: Sendable {
  var cache = WordCache()
  var merger = BytePairMerger()
  var pieces: [WordCache.Piece] = []
}

/// As many as there have been threads at once.
private final class EncodingScratchPool: Sendable {
  private let idle = Mutex<[EncodingScratch]>([])

  func borrow<Result>(_ body: (inout EncodingScratch) -> Result) -> Result {
    var scratch = idle.withLock { $0.popLast() } ?? EncodingScratch()
    let result = body(&scratch)
    idle.withLock { [scratch] in $0.append(scratch) }
    return result
  }
}
