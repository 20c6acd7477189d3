import Floor
import ModelFiles
import TestSupport
import Testing

@testable import Patches

/// Signatures against those that OpenSSH's own ssh-keygen made (`Fixtures/make/keys.sh`).
@Suite struct PatchSignatureTests {
  let folder: TemporaryFolder
  let patch: PatchFile

  init() throws {
    folder = try TemporaryFolder()
    let vector = try #require(Vector.all("patch").first { $0.name == "accept-rank-one" })
    patch = try PatchFile(folder.write(vector.bytes, to: "p.errata"))
  }

  private func fixture(_ name: String) throws -> [UInt8] {
    try FileBytes.read(PackageFiles.path("Fixtures/keys/" + name))
  }
  private func key(_ name: String) throws -> SSHPrivateKey { try SSHPrivateKey(fixture(name), file: name) }
  private func signature(_ name: String) throws -> PatchSignature {
    try PatchSignature(fixture("rank-one.\(name).sig"), file: name)
  }
  private func failure(_ body: () throws -> Void) -> SignatureError? {
    do { try body() } catch { return error as? SignatureError }
    return nil
  }

  @Test(arguments: ["ada", "eve"]) func `the bytes are those of ssh-keygen`(name: String) throws {
    let text = try PatchSignature.text(signing: patch, with: key(name))
    #expect(try Array(text.utf8) == fixture("rank-one.\(name).sig"))
  }

  @Test(arguments: ["ada", "eve", "sha256"]) func `signatures of ssh-keygen hold`(name: String) throws {
    try signature(name).check(patch)
  }

  @Test func `a signature of other bytes does not`() throws {
    let vector = try #require(Vector.all("patch").first { $0.name == "accept-scaled" })
    let other = try PatchFile(folder.write(vector.bytes, to: "other.errata"))
    let error = failure { try signature("ada").check(other) }
    #expect(error == .wrongSignature(file: "ada", patch: other.path))
  }

  @Test func `a patch that was changed after it was opened is refused`() throws {
    var bytes = try folder.read("p.errata")
    bytes[60] ^= 1
    let file = try OpenFile(patch.path, .updating)
    try file.write(bytes, at: 0)
    #expect(failure { try signature("ada").check(patch) } == .patchChanged(file: patch.path))
  }

  @Test func `other purposes and keys are named`() throws {
    #expect(
      failure { _ = try signature("file") }
        == .otherNamespace(file: "file", expected: "errata-patch", found: "file"))
    #expect(failure { _ = try signature("rsa") } == .otherKeyType(file: "rsa", type: "ssh-rsa"))
    #expect(failure { _ = try key("rsa") } == .keyType(file: "rsa", type: "ssh-rsa"))
    #expect(failure { _ = try key("locked") } == .keyEncrypted(file: "locked"))
    #expect(failure { _ = try key("ada.pub") } == .notAKey(file: "ada.pub", .publicKey))
    #expect(failure { _ = try key("rank-one.ada.sig") } == .notAKey(file: "rank-one.ada.sig", nil))
  }

  /// Every bit that counts, at every place: nothing but the very signature holds, and nothing crashes.
  @Test func `no damaged signature holds`() throws {
    let good = try fixture("rank-one.ada.sig")
    for place in good.indices {
      var bytes = good
      bytes[place] ^= 1
      let error = failure { try PatchSignature(bytes, file: "s").check(patch) }
      // Line ends may be others, and nothing else.
      if good[place] == UInt8(ascii: "\n"), error == nil { continue }
      #expect(error != nil, "byte \(place)")
    }
    for count in 0..<good.count - 1 {
      #expect(failure { try PatchSignature(Array(good[..<count]), file: "s").check(patch) } != nil)
    }
  }

  @Test func `no damaged key signs as another`() throws {
    let good = try fixture("ada")
    for place in good.indices {
      var bytes = good
      bytes[place] ^= 2
      guard let key = try? SSHPrivateKey(bytes, file: "k") else { continue }
      let text = try PatchSignature.text(signing: patch, with: key)
      #expect(try Array(text.utf8) == fixture("rank-one.ada.sig"), "byte \(place)")
    }
  }

  @Test func `the fingerprint is that of ssh-keygen -l`() throws {
    let line = String(decoding: try fixture("ada.pub"), as: UTF8.self).split(separator: " ")
    let blob = try #require(Base64.bytes(line[1].utf8))
    let key = try #require(SSHPublicKey(blob: blob))
    #expect(key == (try signature("ada").key))
    #expect(key.fingerprint == "SHA256:SPjcAk7eapg+E3nNLtu9wZn96rbh7iAvyEhgK2gNE8c")
  }
}
