/// Why a signature is not made, or not believed.
public enum SignatureError: Error, Equatable, Sendable {
  /// What a file is that was given as a private key.
  public enum KeyKind: Sendable {
    /// The public half.
    case publicKey
    /// A private key in a form of OpenSSL's.
    case otherForm
  }

  // Keys
  /// The file is no private key in OpenSSH's form.
  case notAKey(file: String, KeyKind?)
  /// The private key is locked by a passphrase.
  case keyEncrypted(file: String)
  /// The key is of another type than Ed25519.
  case keyType(file: String, type: String)
  /// Others than its owner may read the private key.
  case keyIsOpen(file: String, mode: UInt32)
  /// A line of the file of allowed signers is malformed.
  case badSigners(file: String, line: Int, SignersProblem)
  /// The file of allowed signers names nobody.
  case noSigners(file: String)
  /// A signature is wanted, and nothing says whose.
  case noKeysGiven

  // Signatures
  /// There is no signature.
  case unsigned(patch: String, signature: String)
  /// The file is no signature of OpenSSH's form.
  case badSignature(file: String, field: String)
  /// The signature was made for another purpose.
  case otherNamespace(file: String, expected: String, found: String)
  /// The signature is of other bytes than the patch's, or was damaged.
  case wrongSignature(file: String, patch: String)
  /// The signature is by a key of a type that errata does not check.
  case otherKeyType(file: String, type: String)
  /// The signature is right, and its key is none of those that are trusted.
  case untrusted(file: String, fingerprint: String, signers: String, SignersProblem?)
  /// Another signature stands there already.
  case signatureExists(file: String)
  /// The patch changed while it was read.
  case patchChanged(file: String)
}

/// What is wrong with a line of a file of allowed signers, or keeps its key from being believed.
public enum SignersProblem: Equatable, Sendable {
  /// The line has no principals, no key, or text after a quotation mark.
  case form
  /// An option that is not known, or has no such value.
  case option(String)
  /// What stands where the key should is none.
  case key
  /// The key is allowed for other purposes only.
  case namespaces(String)
  /// The key is not allowed yet.
  case notYet(String)
  /// The key is no longer allowed.
  case expired(String)
  /// The key signs certificates, which errata does not read.
  case authority
}
