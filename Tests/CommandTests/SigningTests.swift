import ModelFiles
import TestSupport
import Testing

/// What OpenSSH's own tool says of our signatures, and we of its. Recorded signatures of its are in `PatchSignatureTests`.
@Suite(.enabled(if: Folder.fileExists("/usr/bin/ssh-keygen"), "there is no ssh-keygen"))
struct SigningTests {
  @Test func `ssh-keygen and errata check each other's signatures`() throws {
    let folder = try TemporaryFolder()
    let runner = CommandRunner(in: folder.path)
    func shell(_ line: String, _ status: Int = 0) throws {
      let result = try runner.shell(line)
      #expect(result.status == status, "\(line): \(result.output)\(result.errors)")
    }
    try shell("cp -r $FIXTURES/models/tiny-gpt2 model && ssh-keygen -q -t ed25519 -N '' -C ada -f key")
    try shell(
      "errata solve model --keys $FIXTURES/reference/tiny-gpt2.one-fact.keys.safetensors --no-second-moment -o fix.errata --quiet"
    )
    try shell("echo \"ada $(cat key.pub)\" >signers")
    let check = "ssh-keygen -Y verify -f signers -I ada -n errata-patch -s fix.errata.sig <fix.errata"
    try shell("errata sign fix.errata --key key && \(check)")
    try shell("rm fix.errata.sig && ssh-keygen -q -Y sign -n errata-patch -f key fix.errata")
    try shell("errata verify fix.errata model --trusted signers")
    // A key with a passphrase is refused in words; it signs through ssh-keygen.
    try shell(
      "ssh-keygen -q -p -N secret -f key && errata sign fix.errata --key key -o new.sig", 1)
    try shell("printf x >>fix.errata.sig && errata verify fix.errata --trusted signers", 2)
  }
}
