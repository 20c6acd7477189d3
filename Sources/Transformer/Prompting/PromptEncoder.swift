public import ModelFiles

/// Makes texts ready for a network: the one door between text and tokens on one side and the network on the other.
///
/// What comes through it are tokens that the network has. A tokenizer may well have more of them than the model has rows, where a token was
/// added and the embeddings were not made longer; such a token is named where a text needs it.
public struct PromptEncoder: Sendable {
  /// The tokenizer.
  public let tokenizer: Tokenizer
  /// Tokens that the network has: those from 0 to below this.
  public let vocabularySize: Int
  /// Positions that the network has, where it has a row for each; `nil` where positions are turned in and any number can be run.
  public private(set) var positionLimit: Int?
  /// Positions that the network was trained for, as far as it says.
  public private(set) var trainedPositionCount = Int.max

  /// For a network of these settings.
  public init(_ tokenizer: Tokenizer, for configuration: NetworkConfiguration) {
    self.init(tokenizer, vocabularySize: configuration.vocabularySize)
    trainedPositionCount = configuration.positionCount
    if case .learned = configuration.positions { positionLimit = configuration.positionCount }
  }

  /// For a network with so many tokens.
  public init(_ tokenizer: Tokenizer, vocabularySize: Int) {
    self.tokenizer = tokenizer
    self.vocabularySize = vocabularySize
  }

  /// Tokens of a text that something is to follow.
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`.
  public func prompt(_ text: String) throws(PromptError) -> TokenizedText { try prompt(PromptText(text)) }

  /// Tokens of a text, perhaps of a chat, that something is to follow.
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`.
  public func prompt(_ text: PromptText) throws(PromptError) -> TokenizedText {
    let encoded = tokenizer.encodePrompt(text)
    try check(encoded.tokens, of: text.text)
    return encoded
  }

  /// A text that an answer is to follow, as it is or as a chat's template writes it.
  ///
  /// - Throws: `PromptError.notForChat`.
  public static func question(_ text: String, in chat: ChatFrame?) throws(PromptError) -> PromptText {
    guard let chat else { return PromptText(text) }
    do throws(ChatTemplateError) { return try chat.question(text) } catch { throw .notForChat(error) }
  }

  /// A text that a model is to go on from, as it is or up to where the template begins the model's turn.
  ///
  /// - Throws: `PromptError.notForChat`.
  public static func beginning(_ text: String, in chat: ChatFrame?) throws(PromptError) -> PromptText {
    guard let chat else { return PromptText(text) }
    do throws(ChatTemplateError) { return try chat.prompt(text) } catch { throw .notForChat(error) }
  }

  /// A prompt and what follows it, as tokens; `nil` where the two cannot be told apart.
  ///
  /// Both are tokenized as one text, which is right for every tokenizer, and no begin-of-text token can slip in between. Where they share
  /// a token over their edge, the continuation begins with it.
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`.
  public func continuation(
    _ prompt: String, _ join: TextJoin, _ text: String
  ) throws(PromptError) -> Continuation? {
    try continuation(PromptText(prompt), join, text)
  }

  /// The same after a text that may be of a chat.
  ///
  /// - Throws: `PromptError.tokenNotInNetwork`.
  public func continuation(
    _ prompt: PromptText, _ join: TextJoin, _ text: String
  ) throws(PromptError) -> Continuation? {
    let head = try self.prompt(prompt).tokens
    let whole = try self.prompt(prompt.followed(by: join.text + text)).tokens
    let common = zip(head, whole).prefix { $0 == $1 }.count
    guard common > 0, common < whole.count else { return nil }
    return Continuation(prompt: Array(whole[..<common]), target: Array(whole[common...]))
  }

  /// Whether a text of so many tokens has room in the network.
  public func fits(_ count: Int) -> Bool { positionLimit.map { count <= $0 } ?? true }

  /// Tokens that end a text. One that the network does not have never comes, and is not among them.
  public var stops: Set<Int32> { Set(tokenizer.endTokens.filter(has).map { Int32($0) }) }

  /// Tokens that end an answer in a chat: those that end a text, and the one that the template puts behind an answer.
  public func stops(in chat: ChatFrame) -> Set<Int32> {
    let end = tokenizer.encode(chat.turnEnd.stripped(), addingSpecialTokens: false).tokens.first
    guard let end, tokenizer.isSpecial(Int(end)), has(Int(end)) else { return stops }
    return stops.union([end])
  }

  /// Tokens named as the end of a text that the network does not have, ascending.
  public var unknownStops: [Int] { tokenizer.endTokens.filter { !has($0) }.sorted() }

  private func has(_ token: Int) -> Bool { token >= 0 && token < min(vocabularySize, Int(Int32.max)) }

  private func check(_ tokens: [Int32], of text: String) throws(PromptError) {
    guard let token = tokens.first(where: { !has(Int($0)) }) else { return }
    throw .tokenNotInNetwork(
      Int(token), content: String(decoding: tokenizer.bytes(of: Int(token)), as: UTF8.self), text: text,
      vocabularySize: vocabularySize)
  }
}

/// Why a text cannot be put to a network.
public enum PromptError: Error, Equatable, Sendable {
  /// The tokenizer makes a token of the text that the network has no row for.
  case tokenNotInNetwork(Int, content: String, text: String, vocabularySize: Int)
  /// The template of the chat does not take it.
  case notForChat(ChatTemplateError)
}
