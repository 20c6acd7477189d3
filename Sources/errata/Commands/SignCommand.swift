import ArgumentParser
import Floor
import ModelFiles
import Patches

struct SignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign", abstract: "Signs a patch with an SSH key.",
    discussion: """
      Writes PATCH.sig, in the form of OpenSSH: the key is an Ed25519 key of ssh-keygen's, and ssh-keygen -Y verify checks \
      the signature too, as errata verify --trusted checks one of ssh-keygen's. The same key and patch give the same bytes.

      A key with a passphrase, in an agent or on a token signs through ssh-keygen:
        ssh-keygen -Y sign -n errata-patch -f KEY PATCH

      Examples:
        ssh-keygen -t ed25519 -f errata_key
        errata sign fix.errata --key errata_key
        errata verify fix.errata --trusted allowed_signers
      """)
  @Argument(help: "The patch.", completion: .file())
  var patch: String
  @Option(help: ArgumentHelp("The private key.", valueName: "file"), completion: .file())
  var key: String
  @Option(
    name: .shortAndLong, help: "Write the signature here; by default PATCH.sig, which must be new.",
    completion: .file())
  var output: String?
  @OptionGroup var messages: OutputOptions

  func run() throws {
    try doing("cannot sign \(patch)", messages) {
      let path = output ?? patch + PatchSignature.suffix
      try OutputRule(["-o": path]).check(inputs: [patch, key])
      let file = try PatchFile(patch)
      try file.checkBlocks(threads: 1)
      let key = try SSHPrivateKey(key)
      let text = Array(try PatchSignature.text(signing: file, with: key).utf8)
      try write(text, to: path)
      messages.say(
        "Signed \(patch) by \(key.publicKey.fingerprint): \(path). "
          + "`errata verify \(patch) --trusted FILE` checks it, where FILE has a line with your name and public key."
      )
      guard messages.json else { return }
      let object: JSONValue = [
        "patch": .string(patch), "digest": .string(file.digest.hexadecimal), "signature": .string(path),
        "keyType": .string(key.publicKey.type), "fingerprint": .string(key.publicKey.fingerprint),
      ]
      Console.output(object.indentedText)
    }
  }

  /// Puts the signature there; one of somebody else is replaced only where it was named.
  private func write(_ text: [UInt8], to path: String) throws {
    if output == nil, Folder.occupied(path) {
      let present = try OpenFile(path, .reading)
      if try present.size() == text.count, try present.read(text.count, at: 0) == text { return }
      throw SignatureError.signatureExists(file: path)
    }
    let file = try AtomicFile(path)
    try file.file.write(text, at: 0)
    try file.commit()
  }
}
