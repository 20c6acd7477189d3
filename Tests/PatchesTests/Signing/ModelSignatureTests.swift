import Floor
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Signatures of whole models against those that OpenSSF's own model-signing made (`Fixtures/make/model_signatures.py`).
@Suite struct ModelSignatureTests {
  let folder: TemporaryFolder
  let model: ModelFile

  init() throws {
    folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
      let bytes = try FileBytes.read(PackageFiles.path("Fixtures/models/tiny-gpt2/" + name))
      _ = try folder.write(bytes, to: name)
    }
    model = try ModelFile(folder.path)
  }

  private func key(_ curve: String) -> String { PackageFiles.path("Fixtures/keys/model.\(curve).pem") }
  private func signature(_ name: String) throws -> ModelSignature {
    try ModelSignature(PackageFiles.path("Fixtures/keys/tiny-gpt2.\(name).sig"))
  }
  private func failure(_ body: () throws -> Void) -> ModelSignatureError? {
    do { try body() } catch { return error as? ModelSignatureError }
    return nil
  }
  /// A bundle with one text in it replaced.
  private func changed(_ name: String, _ from: String, _ to: String) throws -> JSONValue {
    let bytes = try FileBytes.read(PackageFiles.path("Fixtures/keys/tiny-gpt2.\(name).sig"))
    return try JSONValue(
      parsing: Array(String(decoding: bytes, as: UTF8.self).replacing(from, with: to).utf8))
  }

  @Test(arguments: ["p256", "p384", "p521"]) func `signatures of model-signing hold`(curve: String) throws {
    let signature = try signature(curve)
    try signature.check(key: key(curve))
    try signature.check(filesOf: model)
    #expect(signature.modelName == "tiny-gpt2")
    #expect(signature.fileCount == 3)
  }

  @Test func `files that are signed in parts hold, and one file alone`() throws {
    let parts = try signature("shards")
    try parts.check(key: key("p256"))
    try parts.check(filesOf: model)
    let one = try signature("one-file")
    try one.check(filesOf: ModelFile(folder.path + "/model.safetensors"))
    try one.check(filesOf: model)
  }

  @Test func `another key is told by its hint, and one of another kind`() throws {
    let signature = try signature("p256")
    guard case .otherKey = failure({ try signature.check(key: key("p384")) }) else {
      Issue.record("another key")
      return
    }
    #expect(failure { try signature.check(key: key("k256")) } == .otherKeyKind(file: key("k256")))
    let none = PackageFiles.path("Fixtures/keys/ada.pub")
    #expect(failure { try signature.check(key: none) } == .badKey(file: none))
  }

  @Test func `a signature without a hint is checked by the key alone`() throws {
    let bundle = try changed("p256", "\"hint\"", "\"other\"")
    let signature = try ModelSignature(bundle, file: "s")
    #expect(signature.signer == .key(hint: nil))
    try signature.check(key: key("p256"))
    let wrong = failure { try signature.check(key: key("p384")) }
    #expect(wrong == .wrongSignature(file: "s", key: key("p384")))
  }

  @Test(arguments: ["p256", "shards"]) func `one changed byte of a file is found`(name: String) throws {
    let signature = try signature(name)
    var bytes = try folder.read("model.safetensors")
    bytes[bytes.count - 1] ^= 1
    _ = try folder.write(bytes, to: "model.safetensors")
    let place = folder.path + "/model.safetensors"
    #expect(
      failure { try signature.check(filesOf: model) } == .changed(file: place, signature: signature.path))
  }

  @Test(arguments: ["p256", "shards"]) func `a longer file is found`(name: String) throws {
    let signature = try signature(name)
    _ = try folder.write(folder.read("tokenizer.json") + [0x20], to: "tokenizer.json")
    let place = folder.path + "/tokenizer.json"
    #expect(
      failure { try signature.check(filesOf: model) } == .changed(file: place, signature: signature.path))
  }

  @Test func `a file too many and one too few are found, and git's are passed over`() throws {
    let signature = try signature("p256")
    _ = try folder.write([1], to: ".gitattributes")
    _ = try folder.write([1], to: "model.sig")
    try signature.check(filesOf: model)
    _ = try folder.write([1], to: "pickle.bin")
    let more = folder.path + "/pickle.bin"
    #expect(
      failure { try signature.check(filesOf: model) } == .unsigned(file: more, signature: signature.path))
    Folder.remove(more)
    let gone = folder.path + "/config.json"
    Folder.remove(gone)
    #expect(
      failure { try signature.check(filesOf: model) } == .missing(file: gone, signature: signature.path))
  }

  @Test func `errata's own records are told, and what is only called like one is not`() throws {
    let signature = try signature("p256")
    for name in ["errata-record.jsonl", "model.safetensors.errata-record.jsonl"] {
      _ = try folder.write([1], to: name)
    }
    #expect(
      try signature.check(filesOf: model) == [
        folder.path + "/errata-record.jsonl", folder.path + "/model.safetensors.errata-record.jsonl",
      ])
    for name in ["my-errata-record.jsonl", "below/errata-record.jsonl", "model.safetensors.errata-journal"] {
      let place = folder.path + "/" + name
      if name.contains("/") { try Folder.create(folder.path + "/below") }
      _ = try folder.write([1], to: name)
      #expect(
        failure { try signature.check(filesOf: model) } == .unsigned(file: place, signature: signature.path))
      Folder.remove(place)
    }
  }

  @Test func `what errata does not check is named`() throws {
    #expect(
      failure { _ = try signature("blake2") }
        == .otherForm(file: PackageFiles.path("Fixtures/keys/tiny-gpt2.blake2.sig"), form: "blake2b"))
    let certified = try ModelSignature(changed("p256", "\"publicKey\"", "\"certificate\""), file: "s")
    #expect(certified.signer == .certificate)
    #expect(failure { try certified.check(key: key("p256")) } == .notByKey(file: "s"))
  }

  @Test(arguments: [
    ("sigstore.bundle", "sigstore.other", "mediaType"), ("verificationMaterial", "x", "verificationMaterial"),
    ("publicKey", "x", "verificationMaterial"), ("dsseEnvelope", "x", "dsseEnvelope"),
    ("in-toto+json", "x", "dsseEnvelope.payloadType"),
    ("\"payload\"", "\"x\"", "dsseEnvelope.payload"),
    ("\"payload\":\"ewog", "\"payload\":\"====", "dsseEnvelope.payload"),
    ("\"sig\"", "\"x\"", "dsseEnvelope.signatures"),
  ])
  func `what lacks is named`(from: String, to: String, field: String) throws {
    let bundle = try changed("p256", from, to)
    #expect(failure { _ = try ModelSignature(bundle, file: "s") } == .badBundle(file: "s", field: field))
  }
}
