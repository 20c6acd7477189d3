internal import Floor
internal import ModelFiles

/// What a signed statement says of a model: its files with their digests.
///
/// - Source: sigstore/model-transparency, predicate `https://model_signing/signature/v1.0`.
struct ModelManifest {
  let modelName: String
  let entries: [ModelSignature.Entry]
  let ignored: Set<String>

  private static let statementType = "https://in-toto.io/Statement/v1"
  private static let predicateType = "https://model_signing/signature/v1.0"

  init(_ statement: JSONValue, file: String) throws(ModelSignatureError) {
    func bad(_ field: String) -> ModelSignatureError { .badBundle(file: file, field: field) }
    guard statement["_type"]?.text == Self.statementType else { throw bad("_type") }
    guard let type = statement["predicateType"]?.text else { throw bad("predicateType") }
    guard type == Self.predicateType else { throw .otherForm(file: file, form: type) }
    guard let subjects = statement["subject"]?.elements, subjects.count == 1,
      let name = subjects[0]["name"]?.text, let root = subjects[0]["digest"]?["sha256"]?.text
    else { throw bad("subject") }
    modelName = name
    let serialization = statement["predicate"]?["serialization"]
    guard let method = serialization?["method"]?.text else { throw bad("predicate.serialization") }
    guard ["files", "shards"].contains(method) else { throw .otherForm(file: file, form: method) }
    guard let hash = serialization?["hash_type"]?.text else { throw bad("predicate.serialization.hash_type") }
    guard hash == "sha256" else { throw .otherForm(file: file, form: hash) }
    let paths = serialization?["ignore_paths"]?.elements ?? []
    ignored = Set(paths.compactMap(\.text))
    guard let resources = statement["predicate"]?["resources"]?.elements, !resources.isEmpty else {
      throw bad("predicate.resources")
    }
    var (entries, all): ([ModelSignature.Entry], [UInt8]) = ([], [])
    for (number, resource) in resources.enumerated() {
      guard let entry = Self.entry(resource, isPart: method == "shards") else {
        throw bad("predicate.resources[\(number)]")
      }
      entries.append(entry)
      all += entry.digest.bytes
    }
    guard Digest(of: all).hexadecimal == root else { throw bad("subject") }
    self.entries = entries
  }

  private static func entry(_ resource: JSONValue, isPart: Bool) -> ModelSignature.Entry? {
    guard let name = resource["name"]?.text,
      let digest = resource["digest"]?.text.flatMap({ Digest(hexadecimal: $0) }),
      resource["algorithm"]?.text?.hasPrefix("sha256") == true
    else { return nil }
    guard isPart else {
      return isWithinFolder(name) ? ModelSignature.Entry(name: name, range: nil, digest: digest) : nil
    }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, isWithinFolder(parts[0]), let start = Int(parts[1]), let end = Int(parts[2]),
      start >= 0, start <= end
    else { return nil }
    return ModelSignature.Entry(name: parts[0], range: start..<end, digest: digest)
  }

  /// Whether a path leads nowhere but into the folder.
  private static func isWithinFolder(_ name: String) -> Bool {
    name == "."
      || name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && !part.utf8.contains(0)
      }
  }
}
