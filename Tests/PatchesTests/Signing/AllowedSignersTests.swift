import ModelFiles
import TestSupport
import Testing

@testable import Patches

@Suite struct AllowedSignersTests {
  let signature: PatchSignature
  let key: String

  init() throws {
    let folder = PackageFiles.path("Fixtures/keys/")
    signature = try PatchSignature(folder + "rank-one.ada.sig")
    key = String(decoding: try FileBytes.read(folder + "ada.pub"), as: UTF8.self)
      .split(separator: " ").prefix(2).joined(separator: " ")
  }

  private func principals(_ text: String, at time: Int = 1_800_000_000) throws(SignatureError) -> String {
    try AllowedSigners(text, file: "s").principals(of: signature, at: time)
  }

  private func problem(_ text: String) -> SignersProblem? {
    do throws(SignatureError) { _ = try principals(text) } catch {
      switch error {
      case .badSigners(_, _, let problem): return problem
      case .untrusted(_, _, _, let problem): return problem
      default: return nil
      }
    }
    return nil
  }

  @Test func `lines as ssh-keygen takes them`() throws {
    #expect(try principals("ada@example.org \(key) a comment") == "ada@example.org")
    #expect(try principals("# nobody\n\n  \"Ada A, B\"\t\(key)\r\n") == "Ada A, B")
    #expect(try principals("a,b namespaces=\"git,errata-*\" \(key)") == "a,b")
    #expect(try principals("a valid-after=\"20200101Z\",valid-before=\"20990101Z\" \(key)") == "a")
    // The first line that allows the key counts, not the first that has it.
    #expect(try principals("a namespaces=\"git\" \(key)\nb \(key)") == "b")
  }

  @Test func `what keeps a key from being believed`() {
    #expect(problem("a namespaces=\"git,file\" \(key)") == .namespaces("git,file"))
    #expect(problem("a namespaces=\"*,!errata-patch\" \(key)") == .namespaces("*,!errata-patch"))
    #expect(problem("a valid-after=\"20900101\" \(key)") == .notYet("20900101"))
    #expect(problem("a valid-before=\"20200101Z\" \(key)") == .expired("20200101Z"))
    #expect(problem("a cert-authority \(key)") == .authority)
  }

  @Test func `malformed lines are refused with their problem`() {
    #expect(problem("a") == .form)
    #expect(problem("\"a \(key)") == .form)
    #expect(problem("a wrong=\"1\" \(key)") == .option("wrong=\"1\""))
    #expect(problem("a valid-after=\"2020\" \(key)") == .option("valid-after=\"2020\""))
    #expect(problem("a ssh-ed25519 AAAA") == .key)
    #expect(problem("a b c d") == .key)
    #expect(problem("a ssh-rsa \(key.split(separator: " ")[1])") == .key)
  }

  @Test func `a file without a key allows nobody`() {
    #expect(throws: SignatureError.noSigners(file: "s")) { try principals("# nobody\n") }
  }

  /// By hand, and with `date -u -d @…`.
  @Test func `times are read and written as calendars have them`() {
    #expect(SignerOptions.time("19700101Z") == 0)
    #expect(SignerOptions.time("20240229123456Z") == 1_709_210_096)
    #expect(SignerOptions.time("2024") == nil)
    #expect(SignerOptions.time("20241301Z") == nil)
    #expect(UniversalTime.text(0) == "1970-01-01T00:00:00Z")
    #expect(UniversalTime.text(1_709_210_096) == "2024-02-29T12:34:56Z")
    #expect(UniversalTime.text(951_868_799) == "2000-02-29T23:59:59Z")
    #expect(UniversalTime.text(4_107_542_400) == "2100-03-01T00:00:00Z")
  }

  @Test func `patterns match as OpenSSH's do`() {
    #expect(SignerWords.matches("errata-patch", anyOf: "git,e*-p?tch"))
    #expect(SignerWords.matches("aaab", anyOf: "*ab"))
    #expect(!SignerWords.matches("errata-patch", anyOf: "errata"))
    #expect(!SignerWords.matches("errata-patch", anyOf: ""))
    let long = String(repeating: "a", count: 20_000)
    #expect(!SignerWords.matches(long, anyOf: String(repeating: "*a", count: 200) + "b"))
  }
}
