import Testing

@testable import Floor

@Suite struct BytesTests {
  @Test func `digits and numbers are each other's inverse`() {
    for number in [0, 1, 0xAB, 0xDEAD_BEEF, UInt64.max] {
      let text = Hexadecimal.text(number, digits: 16)
      #expect(text.utf8.count == 16)
      #expect(Hexadecimal.number(text, digits: 16) == number)
    }
    #expect(Hexadecimal.text(0xAB, digits: 4) == "00ab")
    #expect(Hexadecimal.text([0, 0x1F, 0xFF]) == "001fff")
    #expect(Hexadecimal.bytes("001fff") == [0, 0x1F, 0xFF])
  }

  @Test(arguments: ["", "0", "00AB", "00g0", "+0ab", " 0ab", "00ab0"]) func `other texts are no four digits`(
    text: String
  ) {
    #expect(Hexadecimal.number(text, digits: 4) == nil)
  }

  @Test(arguments: ["0", "AB", "0g", " 0", "é"]) func `other texts are no bytes`(text: String) {
    #expect(Hexadecimal.bytes(text) == nil)
  }

  @Test func `little-endian bytes, whole and low ones`() {
    #expect(UInt32(0x0102_0304).littleEndianBytes == [4, 3, 2, 1])
    #expect(UInt64(0x0102_0304).littleEndianBytes(3) == [4, 3, 2])
    #expect(UInt32(littleEndianBytes: [4, 3, 2, 1]) == 0x0102_0304)
    #expect(UInt64(littleEndianBytes: [4, 3]) == 0x0304)
    #expect(Int(littleEndianBytes: [0xFF, 0x00]) == 255)
  }

  @Test func `the first byte that is no UTF-8`() {
    #expect(Array("Zürich".utf8).firstInvalidUTF8 == nil)
    #expect([UInt8]([0x61, 0xFF, 0x62]).firstInvalidUTF8 == 1)
    #expect([UInt8]([0x61, 0xC3]).firstInvalidUTF8 == 1)
    #expect([UInt8]().firstInvalidUTF8 == nil)
  }

  @Test func `a digest in pieces is the digest of the whole, at every moment`() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var streamed = StreamedDigest()
    var place = 0
    for size in [0, 1, 63, 64, 65, 300, 507] {
      bytes[place..<place + size].withUnsafeBytes { streamed.update($0) }
      place += size
      let value = streamed.value
      #expect(value == Digest(of: Array(bytes[..<place])))
    }
    #expect(place == bytes.count)
  }
}
