internal import Floor
internal import Glibc
internal import ModelFiles

/// Whose signatures are believed: a file of allowed signers, as `ssh-keygen -Y verify -f` reads it.
///
///     ada@example.org,ops@example.org namespaces="errata-patch" ssh-ed25519 AAAAC3Nza… a comment
///
/// Source: ssh-keygen(1), ALLOWED SIGNERS.
public struct AllowedSigners: Sendable {
  /// A line.
  struct Signer: Sendable {
    /// Names of those who hold the key, as the file gives them.
    let principals: String
    let key: SSHPublicKey
    /// What else the line says of the key.
    let options: SignerOptions
  }

  /// The file.
  public let path: String
  let signers: [Signer]

  /// Reads the file.
  ///
  /// - Throws: `SignatureError.badSigners` with the line; `.noSigners`.
  public init(_ path: String) throws {
    try self.init(TextFile(path, .text, limit: TextFile.Limit.settings).text, file: path)
  }

  /// Reads the text of such a file.
  init(_ text: String, file: String) throws(SignatureError) {
    path = file
    var signers: [Signer] = []
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    for (number, line) in lines.enumerated() {
      let words = line.drop { $0 == " " || $0 == "\t" }
      if words.isEmpty || words.hasPrefix("#") { continue }
      do throws(SignersProblem) { signers.append(try Signer(words)) } catch {
        throw .badSigners(file: file, line: number + 1, error)
      }
    }
    guard !signers.isEmpty else { throw .noSigners(file: file) }
    self.signers = signers
  }

  /// Who signed: the principals of the first line that allows the key.
  ///
  /// - Parameter time: seconds since 1970 in universal time; now where `nil`.
  /// - Throws: `SignatureError.untrusted`, with what stands against the key where the file has it.
  public func principals(
    of signature: PatchSignature, at time: Int? = nil
  ) throws(SignatureError) -> String {
    let time = time ?? Glibc.time(nil)
    var problem: SignersProblem?
    for signer in signers where signer.key == signature.key {
      guard let found = signer.options.problem(PatchSignature.namespace, at: time) else {
        return signer.principals
      }
      problem = problem ?? found
    }
    throw .untrusted(
      file: signature.path, fingerprint: signature.key.fingerprint, signers: path, problem)
  }
}

extension SignersProblem: Error {}

extension AllowedSigners.Signer {
  init(_ line: Substring) throws(SignersProblem) {
    var rest = line
    guard let principals = SignerWords.next(&rest, quoted: true), !principals.isEmpty else { throw .form }
    self.principals = principals
    guard let word = SignerWords.next(&rest), let second = SignerWords.next(&rest) else { throw .form }
    if let key = try Self.key(word, second) {
      (self.key, options) = (key, SignerOptions())
      return
    }
    guard let third = SignerWords.next(&rest), let key = try Self.key(second, third) else { throw .key }
    self.key = key
    options = try SignerOptions(word)
  }

  /// A key by type and base64; `nil` where the first word is no type, because options stand there.
  private static func key(_ type: String, _ digits: String) throws(SignersProblem) -> SSHPublicKey? {
    guard let blob = Base64.bytes(digits.utf8), let key = SSHPublicKey(blob: blob) else { return nil }
    guard key.type == type else { throw .key }
    return key
  }
}

/// What a line says of its key beside whose it is.
struct SignerOptions: Equatable, Sendable {
  var isAuthority = false
  var namespaces: String?
  var after: (text: String, time: Int)?
  var before: (text: String, time: Int)?

  init() {}

  /// Reads options, separated by commas.
  init(_ text: String) throws(SignersProblem) {
    for option in SignerWords.split(text, at: ",") {
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? SignerWords.unquoted(String(parts[1])) : nil
      switch (parts[0].lowercased(), value) {
      case ("cert-authority", nil) where parts.count == 1: isAuthority = true
      case ("namespaces", let value?): namespaces = value
      case ("valid-after", let value?):
        guard let time = Self.time(value) else { throw .option(option) }
        after = (value, time)
      case ("valid-before", let value?):
        guard let time = Self.time(value) else { throw .option(option) }
        before = (value, time)
      default: throw .option(option)
      }
    }
  }

  /// What keeps the key from being believed for a purpose at a time.
  func problem(_ purpose: String, at time: Int) -> SignersProblem? {
    if isAuthority { return .authority }
    if let namespaces, !SignerWords.matches(purpose, anyOf: namespaces) { return .namespaces(namespaces) }
    if let after, time < after.time { return .notYet(after.text) }
    if let before, time > before.time { return .expired(before.text) }
    return nil
  }

  /// Seconds since 1970 of `YYYYMMDD[HHMM[SS]]`, in local time, or with a `Z` behind it in universal time.
  static func time(_ text: String) -> Int? {
    let isUniversal = text.hasSuffix("Z")
    let digits = Array((isUniversal ? text.dropLast() : text[...]).utf8)
    guard [8, 12, 14].contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    func field(_ start: Int, _ count: Int) -> Int32 {
      start + count > digits.count
        ? 0 : digits[start..<start + count].reduce(0) { $0 * 10 + Int32($1 - 0x30) }
    }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (field(0, 4) - 1900, field(4, 2) - 1, field(6, 2))
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (field(8, 2), field(10, 2), field(12, 2))
    guard (0...11).contains(parts.tm_mon), (1...31).contains(parts.tm_mday), parts.tm_hour < 24,
      parts.tm_min < 60, parts.tm_sec <= 60
    else { return nil }
    parts.tm_isdst = -1
    return isUniversal ? timegm(&parts) : mktime(&parts)
  }

  static func == (one: SignerOptions, other: SignerOptions) -> Bool {
    one.isAuthority == other.isAuthority && one.namespaces == other.namespaces
      && one.after?.text == other.after?.text && one.before?.text == other.before?.text
  }
}

/// How such lines are cut into words.
enum SignerWords {
  /// Takes the next word; white space within quotation marks belongs to it.
  ///
  /// - Parameter quoted: whether marks around the whole word are taken away.
  static func next(_ rest: inout Substring, quoted: Bool = false) -> String? {
    rest = rest.drop { $0 == " " || $0 == "\t" }
    guard !rest.isEmpty else { return nil }
    var isQuoted = false
    let word = rest.prefix { character in
      if character == "\"" { isQuoted.toggle() }
      return isQuoted || character != " " && character != "\t"
    }
    guard !isQuoted else { return nil }
    rest = rest[word.endIndex...]
    return quoted ? unquoted(String(word)) ?? String(word) : String(word)
  }

  /// Without the marks around it; `nil` where there are none.
  static func unquoted(_ text: String) -> String? {
    guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
    return String(text.dropFirst().dropLast())
  }

  /// Parts between separators that are not within quotation marks.
  static func split(_ text: String, at separator: Character) -> [String] {
    var isQuoted = false
    return text.split(omittingEmptySubsequences: false) { character in
      if character == "\"" { isQuoted.toggle() }
      return character == separator && !isQuoted
    }.map(String.init)
  }

  /// Whether a name fits one of the patterns of a list, and none that has a `!` before it; `*` is any text, `?` any character.
  static func matches(_ name: String, anyOf list: String) -> Bool {
    var isMatched = false
    for pattern in list.split(separator: ",") {
      let isExclusion = pattern.hasPrefix("!")
      guard matches(Array(name.utf8), Array((isExclusion ? pattern.dropFirst() : pattern).utf8)) else {
        continue
      }
      if isExclusion { return false }
      isMatched = true
    }
    return isMatched
  }

  /// One pattern. Going back to the last star alone is enough, so the time is at most the product of the lengths.
  private static func matches(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
    var (place, part) = (0, 0)
    var star: (place: Int, part: Int)?
    while place < name.count {
      if part < pattern.count, pattern[part] == UInt8(ascii: "*") {
        star = (place, part)
        part += 1
      } else if part < pattern.count, [name[place], UInt8(ascii: "?")].contains(pattern[part]) {
        (place, part) = (place + 1, part + 1)
      } else if let last = star {
        star = (last.place + 1, last.part)
        (place, part) = (last.place + 1, last.part + 1)
      } else {
        return false
      }
    }
    return pattern[part...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
