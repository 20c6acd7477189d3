import Floor
import ModelFiles
import Patches

/// A bill of materials in which a model is its base with a patch in its pedigree. The same patch gives the same bytes: no time,
/// no machine.
///
/// Source: CycloneDX 1.6 (ECMA-424), *Pedigree*.
struct MaterialBill {
  let patch: PatchFile
  /// The base as others know it.
  let baseModel: String?

  init(_ patch: PatchFile, baseModel: String?) { (self.patch, self.baseModel) = (patch, baseModel) }

  private var name: String { baseModel ?? patch.manifest["model"]?["family"]?.text ?? "model" }
  private var facts: [PatchFact] { PatchFact.all(of: patch) }

  var json: JSONValue {
    [
      "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": .string(serialNumber), "version": 1,
      "metadata": [
        "tools": [
          "components": [["type": "application", "name": "errata", "version": .string(Errata.version)]]
        ],
        "component": edited,
      ],
    ]
  }

  /// A number that belongs to the patch's bytes: version 8 of RFC 9562, made of the patch digest.
  private var serialNumber: String {
    var digits = Array(patch.digest.hexadecimal.prefix(32))
    (digits[12], digits[16]) = ("8", "a")
    func part(_ range: Range<Int>) -> String { String(digits[range]) }
    return
      "urn:uuid:\(part(0..<8))-\(part(8..<12))-\(part(12..<16))-\(part(16..<20))-\(part(20..<32))"
  }

  private var edited: JSONValue {
    [
      "type": "machine-learning-model", "bom-ref": "edited", "name": .string(name),
      "version": .string("with \(patch.digest.abbreviation)"),
      "description": .string(
        "The base with the patch \(Folder.name(of: patch.path)): "
          + "\(Numbers.count(facts.count, "fact")), \(Numbers.count(patch.changes.count, "tensor"))."),
      "pedigree": [
        "ancestors": [
          [
            "type": "machine-learning-model", "bom-ref": "base", "name": .string(name),
            "properties": .array(properties { $0.before?.digest }),
          ]
        ],
        "patches": [
          [
            "type": "unofficial", "diff": ["url": .string(Quote.urlPath(Folder.name(of: patch.path)))],
            "resolves": .array(facts.map(resolved)),
          ]
        ],
        "notes": .string(
          "errata apply gives exactly the tensors below, errata revert the base again. Patch digest: \(patch.digest.hexadecimal)"
        ),
      ],
      "properties": .array(
        [property("patch:digest", patch.digest.hexadecimal)] + methods + signature
          + properties { $0.after?.digest }),
    ]
  }

  /// A fact is what the patch puts right.
  private func resolved(_ fact: PatchFact) -> JSONValue {
    [
      "type": "defect", "name": .string(fact.text),
      "description": .string("\(fact.sentence) → \(fact.target)"),
    ]
  }

  private var methods: [JSONValue] {
    patch.manifest["edit"]?["method"]?.text.map { [property("edit:method", $0)] } ?? []
  }

  private var signature: [JSONValue] {
    guard let signature = SignatureAnswer.beside(patch)?.json, signature["isValid"] == .bool(true),
      let fingerprint = signature["fingerprint"]?.text
    else { return [] }
    return [property("patch:signature", "ssh-ed25519 \(fingerprint)")]
  }

  private func properties(_ digest: (TensorChange) -> Digest?) -> [JSONValue] {
    patch.changes.compactMap { change in
      digest(change).map { property("tensor:\(change.name)", $0.hexadecimal) }
    }
  }

  private func property(_ name: String, _ value: String) -> JSONValue {
    ["name": .string("errata:" + name), "value": .string(value)]
  }
}
