/// Why the signature of a whole model is not believed.
public enum ModelSignatureError: Error, Equatable, Sendable {
  /// The file is no sigstore bundle with a statement about a model.
  case badBundle(file: String, field: String)
  /// The statement is of another form than errata reads: an earlier one, another hash.
  case otherForm(file: String, form: String)
  /// A key is given, and there is no signature.
  case noSignature(model: String, signature: String)
  /// The file is no public key.
  case badKey(file: String)
  /// The public key is of a kind or on a curve that OpenSSF Model Signing has not.
  case otherKeyKind(file: String)
  /// The signature is by a certificate.
  case notByKey(file: String)
  /// The signature names another key.
  case otherKey(file: String, key: String, expected: String, found: String)
  /// The signature is not this key's, or what it signs was changed.
  case wrongSignature(file: String, key: String)
  /// A file is not as it was signed.
  case changed(file: String, signature: String)
  /// A file is signed and not there.
  case missing(file: String, signature: String)
  /// A file is there and not signed.
  case unsigned(file: String, signature: String)
}
