import Floor
import Testing

@Suite struct DigestTests {
  static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

  @Test func `SHA-256 by the standard's own example`() {
    #expect(Digest(of: Array("abc".utf8)).hexadecimal == Self.abc)
    #expect(Digest(of: []).hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(Digest(of: Array("abc".utf8)).abbreviation == "ba7816bf8f01")
  }

  @Test func `a tensor's digest is that of its leaves`() {
    let leaves = [Digest(of: [1]), Digest(of: [2])]
    #expect(Digest(leaves: leaves) == Digest(of: leaves[0].bytes + leaves[1].bytes))
    #expect(Digest(leaves: []) == Digest(of: []))
  }

  @Test func `only 64 lower-case digits are a digest`() {
    #expect(Digest(hexadecimal: Self.abc) == Digest(of: Array("abc".utf8)))
    for text in [
      "", String(Self.abc.dropLast()), Self.abc + "0", Self.abc.uppercased(), "g" + Self.abc.dropFirst(),
      " " + Self.abc.dropFirst(),
    ] {
      #expect(Digest(hexadecimal: text) == nil, "\(text)")
    }
  }
}
